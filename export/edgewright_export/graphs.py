"""Writing the graphs of a recipe: fp32 by tracing, every other precision from fp32."""

import shutil
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, TypeVar

from edgewright import records
from edgewright.errors import EdgewrightError, ParityError
from edgewright.families import Model
from edgewright.progress import Progress
from edgewright_export.calibrate import Calibration, ObservedRunner
from edgewright_export.onnx_graph import TracedComponent, export_graph, graph_files
from edgewright_export.opening import BASELINE, assemble, graph_path
from edgewright_export.quantization.cache import digest_of
from edgewright_export.quantization.migration import ChannelCollector, migrate
from edgewright_export.quantization.observation import (
    CalibrationSettings,
    Dependencies,
    Observation,
)
from edgewright_export.quantization.precisions import PRECISIONS
from edgewright_export.quantization.ranges import GraphInputs, Ranges
from edgewright_export.recipes.base import Recipe
from edgewright_export.rewriting import rewrite
from edgewright_export.search.form import Form

WHOLE = "*"
"""As the name of a node in a form: all of the component's."""


@dataclass(frozen=True)
class Made:
    """How the graphs of a variant were made."""

    method: str
    """The receipt's description."""
    calibration_sha256: str | None = None
    """Hash of the calibration samples; none where none were needed."""
    kept: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By component: names of the nodes that stayed in fp32, whoever wanted it; or `WHOLE`."""
    why_kept: str = ""
    """Why those did that no form named."""
    sources: Mapping[str, str] = field(default_factory=dict)
    """By component: the variant whose graph it takes; fp32 where nothing left it."""


@dataclass(frozen=True)
class _Written:
    """What a file was made of."""

    source: Path
    variant: str
    exact: frozenset[str]


class _Collector(Protocol):
    def observe(self, inputs: GraphInputs) -> None: ...


C = TypeVar("C", bound=_Collector)


class GraphMaker:
    """Writes the graphs of one recipe; `close` deletes what it keeps for itself."""

    def __init__(
        self,
        recipe: Recipe,
        folder: Path,
        calibration: Calibration,
        settings: CalibrationSettings,
        progress: Progress,
    ) -> None:
        """Keep what the graphs are made of.

        Args:
            recipe: What is exported.
            folder: Of the bundle; fp32 graphs are written to and read from it.
            calibration: Samples that show ranges and outliers.
            settings: How they are observed.
            progress: Shows the stages.
        """
        self.recipe, self.folder = recipe, folder
        self._calibration, self._settings, self._progress = calibration, settings, progress
        self.traced: dict[str, TracedComponent] = recipe.components()
        self._baseline: Model[Any] | None = None
        self._stack = ExitStack()
        self._lowered: dict[str, dict[str, tuple[str, ...]]] = {}
        self._written: dict[Path, tuple[_Written, tuple[str, ...]]] = {}
        self._moved: dict[bool, dict[str, tuple[str, ...]]] = {}
        self._ranges: dict[tuple[tuple[str, ...], str, bool, bool], dict[str, Ranges]] = {}

    def close(self) -> None:
        """Delete the graphs that were kept for others to be made from."""
        self._stack.close()

    @cached_property
    def work(self) -> Path:
        """Folder for graphs that are wanted for a while; `close` deletes it."""
        return Path(self._stack.enter_context(TemporaryDirectory()))

    @cached_property
    def _calibration_sha256(self) -> str:
        return self._calibration.sha256()

    def trace(self) -> Made:
        """Write the fp32 graphs."""
        (self.folder / "variants" / BASELINE).mkdir(parents=True)
        self._progress.start("Tracing fp32", len(self.traced))
        for key, traced in self.traced.items():
            export_graph(traced, self._traced(key))
            rewrite(self._traced(key), self.source(key))
            self._progress.advance()
        return Made(
            "torch.onnx.export, optimized, rewritten", sources=dict.fromkeys(self.traced, BASELINE)
        )

    def observe_with(self, baseline: Model[Any]) -> None:
        """Let the opened fp32 model answer the calibration samples from now on."""
        self._baseline = baseline

    def source(self, component: str) -> Path:
        """Return the fp32 graph of `component`."""
        return graph_path(self.folder, BASELINE, component)

    def origin(self, name: str, component: str) -> Path:
        """Return the fp32 graph that the variant `name` is made from."""
        return self._traced(component) if PRECISIONS[name].portable else self.source(component)

    def _traced(self, component: str) -> Path:
        """Return the graph of `component` as PyTorch traced it."""
        return self.work / f"traced-{component}.onnx"

    def lowered(self, name: str) -> dict[str, tuple[str, ...]]:
        """Return by component the nodes that may leave fp32 in the variant `name`."""
        if name not in self._lowered:
            with _library_errors(name):
                plan, ranges = self.recipe.quantization(), self._ranges_for(name, migrated=False)
                self._lowered[name] = {
                    key: PRECISIONS[name].lowered(self.origin(name, key), plan, ranges.get(key, {}))
                    for key in self.traced
                }
        return self._lowered[name]

    def can_migrate(self, name: str) -> bool:
        """Whether the variant `name` suffers from outlier channels and some could be moved."""
        if not PRECISIONS[name].migrates:
            return False
        try:
            with _library_errors(name):
                self._sources(name, migrated=True)
                self._ranges_for(name, migrated=True)
        except ParityError as error:
            warnings.warn(f"outlier channels stay where they are: {error}", stacklevel=2)
            return False
        return any(self._moved[PRECISIONS[name].portable].values())

    def lower(self, name: str, form: Form, folder: Path) -> Made:
        """Write the graphs of the variant `name` in `form` below `folder`.

        Components of which nothing leaves fp32 are not written, nor those that lie there in this
        form already.

        Raises:
            ParityError: They cannot be calibrated or made.
        """
        with _library_errors(name):
            return self._lower(name, form, folder)

    def _lower(self, name: str, form: Form, folder: Path) -> Made:
        precision = PRECISIONS[name]
        (folder / "variants" / name).mkdir(parents=True, exist_ok=True)
        sources = self._sources(name, migrated=form.migrated)
        ranges = self._ranges_for(name, migrated=form.migrated)
        exact = _by_component(form.exact)
        lowered = self.lowered(name) if form.exact else {}
        kept: dict[str, tuple[str, ...]] = {}
        taken: dict[str, str] = {}
        for key, source in sources.items():
            if WHOLE in exact[key] or (form.exact and exact[key].issuperset(lowered[key])):
                kept[key], taken[key] = (WHOLE,), self._whole(name, key, folder)
            else:
                written = _Written(source, name, frozenset(exact[key]))
                own = self._write(written, graph_path(folder, name, key), ranges.get(key, {}))
                kept[key], taken[key] = (*own, *sorted(exact[key])), name
        method = precision.describe(self.recipe.quantization(), self._method(name))
        if form.migrated:
            count = sum(map(len, self._moved[precision.portable].values()))
            method += f", {count} activations migrated"
        digest = self._calibration_sha256 if ranges or form.migrated else None
        return Made(method, digest, kept, precision.why_kept, taken)

    def _whole(self, name: str, component: str, folder: Path) -> str:
        """Return the variant whose graph serves where nothing of `component` leaves fp32."""
        if not PRECISIONS[name].portable:
            return BASELINE
        for file in graph_files(self._traced(component)):
            suffix = file.name.removeprefix(f"traced-{component}.onnx")
            shutil.copyfile(file, f"{graph_path(folder, name, component)}{suffix}")
        self._written.pop(graph_path(folder, name, component), None)
        return name

    def _write(self, what: _Written, target: Path, ranges: Ranges) -> tuple[str, ...]:
        """Write `what` unless it lies there already; return what stays in fp32 by itself."""
        written, own = self._written.get(target, (None, ()))
        if written != what or not target.is_file():
            for file in graph_files(target):
                file.unlink(missing_ok=True)  # an open session may still read it
            plan, precision = self.recipe.quantization(), PRECISIONS[what.variant]
            own = precision.write(what.source, target, plan, ranges, sorted(what.exact))
            self._written[target] = what, own
        return own

    def _method(self, name: str) -> str:
        return PRECISIONS[name].method or self._settings.method

    def _ranges_for(self, name: str, *, migrated: bool) -> dict[str, Ranges]:
        """Return the ranges that the variant `name` wants, by component."""
        operators = PRECISIONS[name].observed(self.recipe.quantization())
        if operators is None:
            return {}
        known = operators, self._method(name), PRECISIONS[name].portable, migrated
        if known not in self._ranges:
            graphs = self._sources(name, migrated=migrated)
            observation = self._observation(graphs, operators, self._method(name))
            self._ranges[known] = observation.ranges(
                lambda collectors: self._answer_calibration("Calibrating", collectors),
                self._settings.cache,
            )
        return self._ranges[known]

    def _sources(self, name: str, *, migrated: bool) -> dict[str, Path]:
        """Return the fp32 graphs to lower, with their outlier channels moved if `migrated`."""
        origins = {key: self.origin(name, key) for key in self.traced}
        if not migrated:
            return origins
        portable = PRECISIONS[name].portable
        prefix = "migrated-portable" if portable else "migrated"
        paths = {key: self.work / f"{prefix}-{key}.onnx" for key in self.traced}
        if portable not in self._moved:
            collectors = {key: ChannelCollector(path) for key, path in origins.items()}
            self._answer_calibration("Looking for outlier channels", collectors)
            self._moved[portable] = {
                key: migrate(origins[key], path, collectors[key].finish())
                for key, path in paths.items()
            }
        return paths

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) of all that the graphs of variants depend on, once they are traced."""
        graphs = {key: self.source(key) for key in self.traced}
        key = self._observation(graphs, (), self._settings.method).key()
        return digest_of([asdict(key), asdict(self.recipe.quantization())])

    def _observation(
        self, graphs: Mapping[str, Path], operators: tuple[str, ...], method: str
    ) -> Observation:
        family = {"config": records.plain(self.recipe.config), "assets": self.recipe.assets()}
        dependencies = Dependencies(self._calibration_sha256, digest_of(family))
        return Observation(graphs, operators, method, dependencies)

    def _answer_calibration(self, stage: str, collectors: Mapping[str, C]) -> None:
        """Show the collectors what each graph is given while fp32 answers the samples."""
        assert self._baseline is not None  # fp32 is made first
        runners = {
            key: ObservedRunner(runner, collectors[key].observe)
            for key, runner in self._baseline.runners.items()
        }
        model = assemble(self.recipe, self.folder, BASELINE, runners)
        samples = self._calibration.samples
        self._progress.start(stage, len(samples))
        for sample in samples:
            model.infer(sample)
            self._progress.advance()


@contextmanager
def _library_errors(name: str) -> Iterator[None]:
    """Turn what libraries raise on a graph that they do not know into a ParityError."""
    try:
        yield
    except (OSError, EdgewrightError):
        raise
    except Exception as error:
        raise ParityError(
            f"{name}: got {type(error).__name__} '{error}' from the quantizer, expected graphs; "
            "report it with config.json, or do without the variant"
        ) from error


def _by_component(exact: frozenset[str]) -> defaultdict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for node in exact:
        component, _, name = node.partition("/")
        found[component].add(name)
    return found
