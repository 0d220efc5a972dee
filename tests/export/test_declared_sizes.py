"""The sizes that families give to their graphs lie in the ranges that engines are built for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import edgewright as ew
from edgewright.backends.base import Runner
from edgewright.backends.tensorrt_profiles import fitting, profiles
from edgewright.bundle import Bundle
from edgewright.families.fastspeech2 import FastSpeech2
from edgewright.families.marian import Marian
from edgewright.specs import Array

Given = list[tuple[Runner, dict[str, tuple[int, ...]]]]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Given:
    """Collect the shapes of the inputs that any graph is given."""
    found: Given = []

    def noted(method: Callable[..., Any]) -> Callable[..., Any]:
        def call(runner: Runner, inputs: Mapping[str, Array], *rest: Any) -> Any:
            found.append((runner, {name: tuple(one.shape) for name, one in inputs.items()}))
            return method(runner, inputs, *rest)

        return call

    for name in ("run", "bind"):
        monkeypatch.setattr(Runner, name, noted(getattr(Runner, name)))
    return found


def unserved(bundle: Path, given: Given) -> list[object]:
    """Return what no profile of the bundle's graphs serves."""
    with Bundle.open(bundle) as opened:
        components = opened.manifest.variants[0].components.values()
    return [
        (component.files, sizes)
        for runner, sizes in given
        for component in components
        if component.inputs == runner.inputs
        and fitting(profiles(component), component.inputs, sizes) is None
    ]


@pytest.mark.parametrize("seconds", [0.05, 2.0, 8.01, 30.0])
def test_audio_of_up_to_half_a_minute(demo_bundles: Path, given: Given, seconds: float) -> None:
    bundle = demo_bundles / "conformer-ctc-en.edge"
    noise = np.random.default_rng(0).normal(0, 0.1, round(16_000 * seconds))
    with ew.load(bundle) as model:
        model(noise.astype(np.float32))
    assert given
    assert not unserved(bundle, given)


@pytest.mark.parametrize("rate", [4.0, 1.0, 0.4])
@pytest.mark.parametrize("text", ["No.", "please press one to leave a message " * 20])
def test_short_and_long_speech(demo_bundles: Path, given: Given, text: str, rate: float) -> None:
    bundle = demo_bundles / "fastspeech2-en.edge"
    with ew.load(bundle) as model:
        assert isinstance(model, FastSpeech2)
        model(text, speaking_rate=rate)
    assert given
    assert not unserved(bundle, given)


@pytest.mark.parametrize("count", [1, 129, 255])
def test_short_and_long_sentences(demo_bundles: Path, given: Given, count: int) -> None:
    bundle = demo_bundles / "marian-en-es.edge"
    with ew.load(bundle) as model:
        assert isinstance(model, Marian)
        model.infer({"token_ids": np.full(count, 5), "target_ids": np.full(256, 7)})
    assert given
    assert not unserved(bundle, given)
