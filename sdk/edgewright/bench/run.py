"""One run of `edgewright bench`: load a bundle, let queries come, and say what was found."""

import hashlib
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from edgewright import _core
from edgewright.bench import streaming
from edgewright.bench.result import BenchResult, Build, ColdStart, Host, Sample, Settings, Subject
from edgewright.bench.scenarios import SCENARIOS, TIERS, Load, Recorder, check_load
from edgewright.bench.summary import Circumstances, summarize
from edgewright.bench.usage import UsageMeter
from edgewright.bundle import Bundle
from edgewright.errors import UsageError
from edgewright.families.base import Model
from edgewright.loading import open_model
from edgewright.placement import place
from edgewright.probe import probe
from edgewright.progress import Progress
from edgewright.specs import Array
from edgewright.tasks.base import Query, Recording

WARMUP = 5
"""Queries between the first one and the steady state; none of them is a sample."""
SHARES = 100
"""Steps that the progress of a run is shown in."""


@dataclass(frozen=True)
class Options:
    """What `edgewright bench` measures, and how."""

    scenario: str = "single-stream"
    tier: str = "quick"
    variant: str | None = None
    """Name of one; by default the one that `precision` and `device` lead to."""
    precision: str = "auto"
    device: str = "auto"
    threads: int | None = None
    inputs: tuple[str, ...] = ()
    """Files or texts, as the task's command takes them; the golden samples by default."""
    rate: float | None = None
    """Queries a second, for server and control."""
    bound: float | None = None
    """Seconds within which an answer is in time."""
    workers: int | None = None
    """Callers at the same time; by default as many as the cores let run, of streams one."""
    seed: int = 0


def bench_bundle(
    path: str | Path, options: Options = Options(), *, progress: Progress | None = None
) -> tuple[BenchResult, list[Sample]]:
    """Measure a bundle in one scenario.

    An interrupt (ctrl-C) ends the run: what was measured until then is returned, and says so.

    Args:
        path: Bundle folder, or zip of one.
        options: What to measure.
        progress: Shows the run.

    Returns:
        What was found, and every sample behind it.

    Raises:
        UsageError: An option is out of range, or does not fit the task.
        BundleError: The bundle is missing, damaged, or of a later format.
        PlacementError: What was asked for cannot be had here.
        InputError: An input cannot be used.
    """
    _check_names(options)
    with open_queries(
        path,
        variant=options.variant,
        precision=options.precision,
        device=options.device,
        threads=options.threads,
        inputs=options.inputs,
    ) as opened:
        return _Run(opened, options).measure(progress)


@dataclass(frozen=True)
class Opened:
    """A loaded model and what is asked of it."""

    model: Model[Any]
    queries: list[Query]
    inputs: tuple[str, ...]
    """What a user asks about; empty for the golden samples."""
    golden: Mapping[str, Mapping[str, Array]]
    """Raw inputs of the golden samples, by file."""
    model_bytes: int
    """Size of the graphs."""
    load_seconds: float


@contextmanager
def open_queries(
    bundle: str | Path,
    *,
    variant: str | None = None,
    precision: str = "auto",
    device: str = "auto",
    threads: int | None = None,
    inputs: tuple[str, ...] = (),
) -> Iterator[Opened]:
    """Open a bundle and what it is to be asked; the arguments are those of `Options`."""
    began = time.perf_counter()
    with Bundle.open(bundle) as opened:
        if variant is not None:
            opened.variant(variant)
        placement = place(
            opened.manifest, probe(), device=device, precision=precision, variant=variant
        )
        with open_model(opened, placement, threads) as model:
            seconds = time.perf_counter() - began
            golden = {file: sample for file, sample, _ in opened.golden()}
            components = opened.variant(placement.variant).components.values()
            files = [opened.file(file) for component in components for file in component.files]
            yield Opened(
                model=model,
                queries=model.task.queries(model, golden, inputs),
                inputs=inputs,
                golden=golden,
                model_bytes=sum(file.stat().st_size for file in files),
                load_seconds=seconds,
            )


def _check_names(options: Options) -> None:
    for name, value, known in (
        ("scenario", options.scenario, SCENARIOS),
        ("tier", options.tier, TIERS),
    ):
        if value not in known:
            raise UsageError(
                f"{name}: got {value!r}, expected one of {', '.join(known)}; choose one"
            )


class _Run:
    """One scenario of an opened bundle."""

    def __init__(self, opened: Opened, options: Options) -> None:
        self._opened, self._options = opened, options
        model = self._model = opened.model
        self._scenario = SCENARIOS[options.scenario]
        if self._scenario.several_callers and model.task.one_caller:
            raise UsageError(
                f"scenario: got '{options.scenario}', which asks several queries at once, expected "
                f"one caller: a model of the task '{model.task.key}' keeps an episode; use "
                "'single-stream' or 'control'"
            )
        self._recordings: list[Recording] = []
        if self._scenario.plays:
            self._recordings = model.task.streams(model, opened.golden, opened.inputs)

    def measure(self, progress: Progress | None) -> tuple[BenchResult, list[Sample]]:
        """Ask, and describe what came of it."""
        if self._recordings:
            first = unloaded = streaming.warm_up(self._recordings)
        else:
            first, unloaded = warm_up(self._opened.queries)
        load = self._load(unloaded)
        if progress is not None:
            progress.start(f"{self._options.scenario}, {self._model.runtime.variant}", SHARES)
        recorder = Recorder(load.tier, _shown(progress))
        meter, interrupted = UsageMeter(), False
        try:
            with meter.measure():
                self._scenario.run(load, recorder)
        except KeyboardInterrupt:
            if len(recorder) == 0:
                raise
            interrupted = True
        samples = sorted(recorder.samples, key=lambda sample: sample.begun)
        cold = ColdStart(self._opened.load_seconds, first)
        what = Circumstances(
            host=describe_host(),
            build=describe_build(self._model.runtime.provider),
            subject=self._subject(),
            settings=self._settings(load),
            cold=cold,
            usage=meter.usage,
            interrupted=interrupted,
            pace=recorder.pace,
        )
        return summarize([samples], what), samples

    def _load(self, unloaded: float) -> Load:
        options, callers = self._options, 1
        if self._scenario.several_callers and not self._scenario.plays:
            callers = max(1, probe().cores // self._model.runtime.threads)
        load = Load(
            queries=self._opened.queries,
            tier=TIERS[options.tier],
            workers=callers if options.workers is None else options.workers,
            unloaded=unloaded,
            rate=options.rate,
            bound=options.bound,
            seed=options.seed,
            recordings=self._recordings,
        )
        check_load(options.scenario, load)
        return load

    def _subject(self) -> Subject:
        runtime = self._model.runtime
        return Subject(
            bundle=runtime.bundle,
            bundle_digest=runtime.bundle_digest,
            variant=runtime.variant,
            precision=runtime.precision,
            provider=runtime.provider,
            threads=runtime.threads,
            model_bytes=self._opened.model_bytes,
        )

    def _settings(self, load: Load) -> Settings:
        rate, bound = self._scenario.settle(load)
        return Settings(
            scenario=self._options.scenario,
            tier=self._options.tier,
            inputs=tuple(one.input for one in self._recordings or self._opened.queries),
            inputs_sha256=input_digest(self._opened),
            seed=load.seed,
            workers=load.workers,
            burst=self._scenario.burst,
            rate=rate,
            bound=bound,
        )


def warm_up(queries: Sequence[Query]) -> tuple[float, float]:
    """Return the seconds of the first answer, and the median of those after it."""
    seconds = []
    for index in range(1 + WARMUP):
        began = time.perf_counter()
        queries[index % len(queries)].ask()
        seconds.append(time.perf_counter() - began)
    return seconds[0], float(np.median(seconds[1:]))


def _shown(progress: Progress | None) -> Callable[[float], object]:
    if progress is None:
        return lambda share: None
    return lambda share: progress.advance_to(int(SHARES * share))


def input_digest(opened: Opened) -> str:
    """Return the hash of what is asked about: files, texts, or golden samples."""
    digest = hashlib.sha256()
    asked = [query.input for query in opened.queries]
    for text in (*opened.inputs, *asked):
        digest.update(text.encode("utf-8", "surrogateescape") + b"\0")
    for text in opened.inputs:
        if os.path.isfile(text):  # noqa: PTH113 - the path's own method raises on long texts
            digest.update(Path(text).read_bytes())
    for file in sorted(
        opened.golden.keys() & {name for text in asked for name in text.split(", ")}
    ):
        for name, array in sorted(opened.golden[file].items()):
            digest.update(f"{name} {array.dtype} {array.shape}\0".encode() + array.tobytes())
    return digest.hexdigest()


def describe_host() -> Host:
    """Return this machine."""
    here = probe()
    return Host(
        machine=here.machine,
        architecture=here.architecture,
        cores=here.cores,
        instruction_set=_core.instruction_set(),
        system=f"{platform.system()} {platform.release()}",
    )


def describe_build(provider: str) -> Build:
    """Return the software that runs graphs on `provider`."""
    (fact, *_) = (fact for fact in probe().devices if fact.provider == provider)
    return Build(
        edgewright=metadata.version("edgewright"),
        numpy=np.__version__,
        python=platform.python_version(),
        backend=f"{fact.backend} {fact.version}",
    )
