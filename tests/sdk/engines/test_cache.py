"""Engines on disk: whole or not at all, found by what they depend on, one builder at a time."""

import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import fields, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from edgewright import records, strict_json
from edgewright.backends.facts import EngineIdentity
from edgewright.engines.cache import (
    EngineCache,
    graph_digest,
    hash_files,
    provider_key,
    stale,
)
from edgewright.errors import CacheError, UsageError
from engine_records import ORIN, PLAN, record
from recorded_probes import recorded


@pytest.fixture
def cache(tmp_path: Path) -> EngineCache:
    return EngineCache(tmp_path)


def test_what_was_stored_is_found_again(cache: EngineCache) -> None:
    assert cache.load(ORIN) is None
    assert cache.records() == ()
    cache.store(record(ORIN), PLAN)
    cache.keep_layers(ORIN, '{"Layers": []}')
    assert cache.load(ORIN) == PLAN
    assert cache.records() == (record(ORIN),)
    assert len(list(cache.folder.glob("*.layers"))) == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("graph_sha256", "b" * 64), ("flavor", "tensorrt-rtx"), ("version", "10.7.0"),
        ("gpu", "Orin Nano"), ("compute_capability", "8.9"), ("driver_major", 550),
        ("precision", "fp32"), ("profiles", ("batch 1-4 (1)",)), ("cuda", "13"),
        ("builder_settings", 2),
    ],
)  # fmt: skip
def test_every_part_of_the_identity_counts(name: str, value: Any, cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    other = replace(ORIN, **{name: value})
    assert cache.load(other) is None
    why = stale(other, cache.records())
    if name in ("graph_sha256", "flavor"):
        assert why == "no engine of it was built here"
    else:
        assert why is not None
        assert why.startswith(f"its engine is stale: built for {name.replace('_', ' ')} ")
    assert stale(ORIN, cache.records()) is None


def test_of_several_stale_engines_the_nearest_is_named() -> None:
    far = record(replace(ORIN, version="10.7.0", gpu="Thor", compute_capability="11.0"))
    near = record(replace(ORIN, driver_major=535))
    assert stale(ORIN, [far, near]) == ("its engine is stale: built for driver major 535, here 540")


def test_no_part_of_the_identity_was_forgotten() -> None:
    (mark,) = test_every_part_of_the_identity_counts.pytestmark
    assert {name for name, _ in mark.args[1]} == {f.name for f in fields(EngineIdentity)}


@pytest.mark.parametrize("damage", ["truncated", "changed", "foreign", "gone", "empty"])
def test_a_plan_that_is_not_whole_is_never_loaded(damage: str, cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    (plan,) = cache.folder.glob("*.plan")
    if damage == "gone":
        plan.unlink()
    else:
        plan.write_bytes(
            {"truncated": PLAN[:-1], "changed": b"\1" + PLAN[1:], "foreign": b"x" * len(PLAN)}.get(
                damage, b""
            )
        )
    assert cache.load(ORIN) is None
    assert bool(cache.records()) == (damage in ("changed", "foreign"))  # `load` alone reads plans
    cache.store(record(ORIN), PLAN)
    assert cache.load(ORIN) == PLAN


def test_a_plan_or_timing_cache_that_cannot_be_read_is_passed_over(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = Path.read_bytes

    def refuse(path: Path) -> bytes:
        if path.suffix in (".plan", ".timing"):
            raise PermissionError(13, "Permission denied", str(path))
        return reading(path)

    cache.store(record(ORIN), PLAN)
    cache.keep_timing_cache(ORIN, b"measured")
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert cache.load(ORIN) is None
    assert cache.timing_cache(ORIN) == b""


def test_layers_of_an_earlier_engine_do_not_stay(cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    cache.keep_layers(ORIN, "{}")
    cache.store(record(ORIN, PLAN[::-1]), PLAN[::-1])
    assert list(cache.folder.glob("*.layers")) == []


@pytest.mark.parametrize("sidecar", ["", "{", "[]", "null", '{"identity": 1}', "nan", "\xff"])
def test_a_sidecar_that_cannot_be_read_is_passed_over(sidecar: str, cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    (path,) = cache.folder.glob("*.json")
    path.write_text(sidecar, "latin-1")
    assert cache.load(ORIN) is None
    assert cache.records() == ()


def test_a_sidecar_under_another_engines_name_is_passed_over(cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    (path,) = cache.folder.glob("*.json")
    entries = json.loads(path.read_bytes())
    entries["identity"]["version"] = "10.7.0"
    path.write_text(json.dumps(entries))
    assert cache.load(ORIN) is None
    assert cache.records() == ()


def test_an_interrupted_store_leaves_nothing_that_counts(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edgewright.engines.cache.strict_json.dump", interrupt)
    with pytest.raises(KeyboardInterrupt):
        cache.store(record(ORIN), PLAN)
    assert cache.load(ORIN) is None
    assert [path.suffix for path in cache.folder.iterdir()] == [".plan"]


def unused_since(cache: EngineCache, day: int) -> None:
    """Date everything that was stored in this year to the `day` of January 2020."""
    for path in cache.folder.iterdir():
        if path.stat().st_mtime > 1.7e9:
            os.utime(path, (1577836800 + 86400 * day,) * 2)


def drivers(cache: EngineCache) -> set[int]:
    return {r.identity.driver_major for r in cache.records()}


def test_what_was_not_used_for_longest_goes_beyond_the_limit(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit=3 * len(PLAN))
    for day in (1, 2):
        identity = replace(ORIN, driver_major=500 + day)
        cache.store(record(identity), PLAN)
        cache.keep_layers(identity, "{}")
        unused_since(cache, day)
    assert cache.load(replace(ORIN, driver_major=501)) == PLAN
    cache.store(record(ORIN), PLAN)
    assert drivers(cache) == {501, 540}
    assert {path.suffix for path in cache.folder.glob(f"{'?' * 64}.*")} >= {".layers", ".plan"}
    cache.store(record(ORIN, PLAN * 9), PLAN * 9)
    assert drivers(cache) == {540}  # what was just built is kept
    assert len(cache.entries()) == 1


def test_what_serves_no_longer_counts_and_goes(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit=4 * len(PLAN))
    for precision in ("fp16", "fp32", "int8-trt"):
        cache.store(record(replace(ORIN, precision=precision)), PLAN)
    crashed, changed, cut = sorted(cache.folder.glob("*.json"))
    crashed.unlink()
    changed.write_text("{")
    cut.with_suffix(".plan").write_bytes(PLAN[:-1])
    unused_since(cache, 1)
    left = cache.folder / ".0123.partial"
    left.write_bytes(PLAN)
    unused_since(cache, 0)
    assert cache.records() == ()
    assert [entry.record for entry in cache.entries()] == [None] * 4
    assert sum(entry.bytes for entry in cache.entries()) > 4 * len(PLAN)
    cache.store(record(ORIN), PLAN)
    assert not left.exists()
    assert sum(entry.bytes for entry in cache.entries()) <= cache.limit
    assert drivers(cache) == {540}


def test_what_is_being_built_is_not_deleted(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit=1)
    other = replace(ORIN, precision="fp32")
    cache.store(record(ORIN), PLAN)
    with cache.building(ORIN):
        cache.store(record(other), PLAN)
        assert len(cache.records()) == 2
        assert cache.clear() == len(PLAN) + sidecar_bytes(cache, other)
    assert [r.identity for r in cache.records()] == [ORIN]


def sidecar_bytes(cache: EngineCache, identity: EngineIdentity) -> int:
    return len(strict_json.dump(records.plain(record(identity))))


def provide(cache: EngineCache, graph: str, engine: bytes) -> Path:
    """Open a graph as ONNX Runtime's provider does, which leaves an engine."""
    with cache.provider_engines(graph) as folder:
        (folder / "TensorrtExecutionProvider_graph_0_sm87.engine").write_bytes(engine)
    return folder


def test_engines_of_onnx_runtime_are_counted_and_cleared(cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    folder = provide(cache, "b" * 64, PLAN)
    newest, other = cache.entries()
    assert (newest.name, newest.paths) == ("b" * 64, (str(folder),))
    assert (newest.bytes, newest.record) == (len(PLAN), None)
    assert cache.clear() == newest.bytes + other.bytes
    assert cache.entries() == ()
    assert not folder.exists()


def test_engines_of_both_share_a_limit(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit=2 * len(PLAN) + 1000)
    folders = [provide(cache, letter * 64, PLAN) for letter in "ab"]
    for day, folder in enumerate(folders, 1):
        os.utime(folder, (1577836800 + 86400 * day,) * 2)
    with cache.provider_engines("a" * 64):  # used again, without a new engine
        pass
    cache.store(record(ORIN), PLAN)
    assert [folder.exists() for folder in folders] == [True, False]
    cache.clear()
    cache.store(record(ORIN), PLAN)
    unused_since(cache, 1)
    assert provide(cache, "c" * 64, PLAN * 9).exists()
    assert cache.records() == ()


def test_engines_of_onnx_runtime_that_are_being_opened_stay(tmp_path: Path) -> None:
    cache = EngineCache(tmp_path, limit=1)
    with cache.provider_engines("a" * 64) as folder:
        (folder / "a.engine").write_bytes(PLAN)
        os.utime(folder, (0, 0))
        cache.store(record(ORIN), PLAN)
        assert cache.clear() > 0
        assert (folder / "a.engine").exists()
    assert (folder / "a.engine").exists()  # what was just opened is kept
    cache.store(record(ORIN), PLAN)
    assert not folder.exists()


def test_what_died_while_onnx_runtime_built_is_not_loaded(cache: EngineCache) -> None:
    with suppress(RuntimeError), cache.provider_engines("a" * 64) as folder:
        (folder / "whole.engine").write_bytes(PLAN)
        raise RuntimeError("a part of the graph is left to the CPU")
    with cache.provider_engines("a" * 64) as folder:
        assert (folder / "whole.engine").exists()
    script = (
        "import os, sys; from pathlib import Path; "
        "from edgewright.engines.cache import EngineCache; "
        "opened = EngineCache(Path(sys.argv[1])).provider_engines('a' * 64); "
        "folder = opened.__enter__(); "
        "(folder / 'cut.engine').write_bytes(b'cut'); os._exit(9)"
    )
    whole = str(cache.folder.parent)
    assert subprocess.run([sys.executable, "-c", script, whole], check=False).returncode == 9
    assert (folder / "cut.engine").exists()
    with cache.provider_engines("a" * 64) as folder:
        assert not (folder / "cut.engine").exists()
    assert list(folder.iterdir()) == []


def test_engines_of_onnx_runtime_are_told_apart_by_what_it_does_not_name() -> None:
    here = recorded("h200_tensorrt_10").facts
    (tensorrt,), nvidia = here.tensorrt, here.nvidia
    others = [
        replace(here, tensorrt=(replace(tensorrt, version="10.3.0.26"),)),
        replace(here, nvidia=replace(nvidia, gpus=(replace(nvidia.gpus[0], name="NVIDIA H100"),))),
        replace(here, nvidia=replace(nvidia, version="600.1")),
        replace(here, onnxruntime=replace(here.onnxruntime, version="1.23.0")),
    ]
    keys = [provider_key("a" * 64, facts) for facts in (here, *others)]
    assert len({*keys, provider_key("b" * 64, here)}) == len(keys) + 1
    assert provider_key("a" * 64, replace(here, cuda_bindings="", engines=())) == keys[0]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    cache = EngineCache(tmp_path / "file")
    for work in (
        lambda: cache.store(record(ORIN), PLAN),
        lambda: cache.keep_layers(ORIN, "{}"),
        lambda: cache.keep_timing_cache(ORIN, b""),
        lambda: cache.building(ORIN).__enter__(),
        lambda: cache.provider_engines("a" * 64).__enter__(),
    ):
        with pytest.raises(CacheError, match=r"expected to write to .*file.*EDGEWRIGHT_CACHE"):
            work()
    assert cache.load(ORIN) is None
    assert cache.entries() == cache.records() == ()


def test_what_is_being_written_is_not_cleared(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing = Path.write_bytes

    def cleared_meanwhile(path: Path, content: bytes) -> int:
        size = writing(path, content)
        assert cache.clear() == 0
        return size

    cache.folder.mkdir()
    monkeypatch.setattr(Path, "write_bytes", cleared_meanwhile)
    with cache.building(ORIN):
        cache.store(record(ORIN), PLAN)
        cache.keep_timing_cache(ORIN, b"measured")
    assert cache.load(ORIN) == PLAN
    assert cache.timing_cache(ORIN) == b"measured"


def test_clear_goes_on_behind_what_cannot_be_deleted(
    cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine in (ORIN, replace(ORIN, gpu="Thor"), replace(ORIN, gpu="Xavier")):
        cache.store(record(engine), PLAN)
    newest = Path(cache.entries()[0].paths[0])
    deleting = Path.unlink

    def refused(path: Path, missing_ok: bool = False) -> None:
        if path == newest:
            raise PermissionError(13, "Permission denied", str(path))
        deleting(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(CacheError, match=rf"{newest.name}.* left of 1 of its entries"):
        cache.clear()
    [left] = cache.entries()
    assert str(newest) in left.paths


def test_clear_leaves_an_empty_folder(cache: EngineCache) -> None:
    cache.store(record(ORIN), PLAN)
    cache.keep_layers(ORIN, "{}")
    cache.keep_timing_cache(ORIN, b"measured")
    with cache.building(ORIN):
        pass
    assert cache.timing_cache(ORIN) == b"measured"
    assert cache.timing_cache(replace(ORIN, gpu="Thor")) == b""
    assert cache.clear() == len(PLAN) + sidecar_bytes(cache, ORIN) + len("{}") + len("measured")
    assert {path.suffix for path in cache.folder.iterdir()} == {".lock"}  # it may be held
    assert cache.clear() == 0


BUILD_ONCE = """
import sys, time
from pathlib import Path
from edgewright import records
from edgewright.backends.facts import EngineRecord
from edgewright.engines.cache import EngineCache
from edgewright.records import read
import json

folder, log, plan = Path(sys.argv[1]), Path(sys.argv[2]), bytes.fromhex(sys.argv[4])
record, cache = read(EngineRecord, json.loads(sys.argv[3]), "record"), EngineCache(folder)
with cache.building(record.identity):
    if cache.load(record.identity) is None:
        with log.open("a") as file:
            print("built", file=file)
        time.sleep(0.5)
        cache.store(record, plan)
assert cache.load(record.identity) == plan
"""


def test_of_processes_that_start_at_once_one_builds(tmp_path: Path) -> None:
    log, wanted = tmp_path / "log", json.dumps(records.plain(record(ORIN)))
    command = [sys.executable, "-c", BUILD_ONCE, str(tmp_path), str(log), wanted, PLAN.hex()]
    builders = [subprocess.Popen(command) for _ in range(3)]
    assert [builder.wait(60) for builder in builders] == [0, 0, 0]
    assert log.read_text() == "built\n"


def test_who_waits_for_another_builder_is_told(cache: EngineCache) -> None:
    builds, waits = threading.Event(), threading.Event()

    def build() -> None:
        with cache.building(ORIN, waits.set):
            assert not waits.is_set()
            builds.set()
            assert waits.wait(20)

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(build)
        builds.wait()
        with cache.building(ORIN, waits.set):
            pass
        other.result()


def test_folder_and_limit_come_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDGEWRIGHT_CACHE", str(tmp_path / "own"))
    monkeypatch.setenv("EDGEWRIGHT_CACHE_BYTES", "1000")
    assert (EngineCache().folder, EngineCache().limit) == (tmp_path / "own" / "engines", 1000)
    monkeypatch.delenv("EDGEWRIGHT_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert EngineCache().folder == tmp_path / "shared" / "edgewright" / "engines"
    monkeypatch.setenv("EDGEWRIGHT_CACHE_BYTES", "1 GB")
    with pytest.raises(UsageError, match="got '1 GB', expected a whole number"):
        _ = EngineCache().limit
    assert EngineCache().records() == ()  # loading asks no more


def test_the_digest_of_a_graph_is_that_of_its_files(tmp_path: Path) -> None:
    files = [tmp_path / "model.onnx", tmp_path / "model.onnx.data"]
    for file, content in zip(files, (b"graph", b"weights"), strict=True):
        file.write_bytes(content)
    hashes = [sha256(content).hexdigest() for content in (b"graph", b"weights")]
    assert hash_files(files) == graph_digest(hashes) != graph_digest(hashes[::-1])
    assert graph_digest(hashes[:1]) != graph_digest(hashes)
