"""A run that the tests of the report draw."""

from pathlib import Path

import pytest

from edgewright.bench import scenarios
from edgewright.bench.result import BenchResult, Sample
from edgewright.bench.run import Options, bench_bundle
from edgewright.bench.scenarios import Tier


@pytest.fixture(scope="package")
def run(tiny: dict[str, Path]) -> tuple[BenchResult, list[Sample]]:
    """Seventy queries of the tiny ViT: enough for a p90."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scenarios.TIERS, "smoke", Tier(70, 1e-6))
        return bench_bundle(tiny["vit"], Options(threads=1, tier="smoke"))
