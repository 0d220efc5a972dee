"""An engine in the cache, made up."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

from edgewright.backends.facts import EngineIdentity, EngineRecord

ORIN = EngineIdentity(
    graph_sha256="a" * 64, flavor="tensorrt", version="10.3.0", cuda="12", gpu="Orin",
    compute_capability="8.7", driver_major=540, precision="fp16", profiles=("batch 1-8 (1)",),
    builder_settings=1,
)  # fmt: skip
PLAN = bytes(range(256)) * 40


def record(identity: EngineIdentity, plan: bytes = PLAN, **changes: Any) -> EngineRecord:
    made = EngineRecord(
        identity=identity, bundle="tiny 0, fp16, model", compatibility="none",
        plan_sha256=sha256(plan).hexdigest(), plan_bytes=len(plan), seconds=1.5,
        built="2026-01-01T00:00:00+00:00", edgewright="0",
    )  # fmt: skip
    return replace(made, **changes)
