"""The road from a checkpoint folder to a bundle: load, trace, quantize, judge, pack."""

import io
import platform
from collections.abc import Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edgewright import arguments, records
from edgewright.bundle import Bundle, BundleWriter
from edgewright.bundle.golden import write_golden
from edgewright.bundle.manifest import (
    FORMAT,
    FORMAT_VERSION,
    Golden,
    GoldenSample,
    Licenses,
    Manifest,
    Rejection,
    Source,
)
from edgewright.errors import UnsupportedCheckpointError, UsageError
from edgewright.families import FAMILIES
from edgewright.progress import Progress
from edgewright_export import parity
from edgewright_export.calibrate import Calibration
from edgewright_export.checkpoint import Checkpoint
from edgewright_export.opening import BASELINE
from edgewright_export.quantization.cache import CalibrationCache, Explain
from edgewright_export.quantization.observation import CalibrationSettings
from edgewright_export.quantization.ranges import DEFAULT_METHOD, check_method
from edgewright_export.recipes import RECIPES, Recipe
from edgewright_export.search.budget import NO_BUDGET, Budget
from edgewright_export.search.journal import Journal
from edgewright_export.variants import (
    DEFAULT_VARIANTS,
    VARIANTS,
    Accepted,
    VariantMaker,
)

TOOLS = ("torch", "transformers", "onnx", "onnxruntime", "edgewright")
"""Distributions whose versions a bundle records."""
NOTICE = "NOTICE"


def export(
    checkpoint: str | Path,
    output: str | Path,
    *,
    family: str | None = None,
    variants: Sequence[str] = DEFAULT_VARIANTS,
    calibration: str | Path | None = None,
    calibration_method: str = DEFAULT_METHOD,
    calibration_cache: str | Path | None = None,
    explain_cache: Explain | None = None,
    evaluation: str | Path | None = None,
    budget: str | None = None,
    search_journal: str | Path | None = None,
    options: str | Path | None = None,
    require: Sequence[str] = (),
    force: bool = False,
    zip: bool = False,  # noqa: A002 - the word of the command line
    seed: int = 0,
    progress: Progress | None = None,
) -> Manifest:
    """Write the bundle of a checkpoint, with every variant that passes its gates.

    Nothing is left at `output` when it does not succeed. A variant that misses a gate is left out,
    recorded, and told by a `VariantRejectedWarning`.

    Args:
        checkpoint: Folder in the Hugging Face layout.
        output: The bundle to write.
        family: Key in `RECIPES`; found by the checkpoint's architecture by default.
        variants: Names out of `VARIANTS`; fp32 is always made.
        calibration: Real samples, in the family's own form; synthetic ones by default.
        calibration_method: How ranges of activations follow from them, a key of
            `edgewright_export.quantization.ranges.METHODS`.
        calibration_cache: Folder that keeps these ranges for the next export of the same model,
            data, preprocessing, method and versions.
        explain_cache: Told for each graph whether its ranges were found there, and if not, why.
        evaluation: Labelled samples (or an environment) for the task metric. By default a variant
            is judged by its agreement with PyTorch on the calibration samples.
        budget: What variants may lose, as `Budget.parse` reads it: bounds that replace those of the
            gates, and within which the smallest and fastest form is searched for.
        search_journal: File that notes what the search measures, so that it can be resumed.
        options: JSON file of what `config.json` does not carry; it wins over `edgewright.json`.
        require: Variants without which there is to be no bundle.
        force: Replace the bundle that lies at `output`; bypasses no gate.
        zip: Write one zip file instead of a folder.
        seed: Of everything random.
        progress: Shows the stages; silent by default.

    Returns:
        The manifest of the bundle.

    Raises:
        CheckpointError: The checkpoint cannot be exported.
        InputError: Calibration or evaluation data cannot be used.
        ParityError: fp32 or a required variant misses a gate.
        UsageError: The options contradict each other, or `output` may not be written.
    """
    require = arguments.names("require", require)
    names = _variant_names(arguments.names("variants", variants), require)
    cache = (
        None if calibration_cache is None else CalibrationCache(calibration_cache, explain_cache)
    )
    settings = CalibrationSettings(check_method(calibration_method), cache)
    bounds = NO_BUDGET if budget is None else Budget.parse(budget)
    journal = None if search_journal is None else Journal(search_journal)
    if seed < 0:
        raise UsageError(f"seed: got {seed}, expected 0 or more; choose another")
    silent = Progress(io.StringIO()) if progress is None else nullcontext(progress)
    with BundleWriter(output, overwrite=force, zip=zip) as writer, silent as shown:
        shown.start("Loading the checkpoint")
        source = Checkpoint(checkpoint, options=options)
        recipe = _recipe_class(source, family).load(source)
        for name, data in recipe.assets().items():
            writer.add(name, data)
        samples, golden, gate = _judge(
            recipe, calibration, evaluation, budget=bounds, progress=shown, seed=seed
        )
        with VariantMaker(
            recipe,
            writer.folder,
            samples,
            golden,
            gate,
            settings=settings,
            journal=journal,
            progress=shown,
            seed=seed,
        ) as maker:
            accepted, rejected = maker.make(names, require)
        shown.start("Writing the bundle")
        manifest = _manifest(
            source,
            recipe,
            accepted=accepted,
            rejected=rejected,
            golden=_write_golden(writer, golden),
            seed=seed,
        )
        writer.add(NOTICE, _notice(source, recipe, manifest).encode())
        path = writer.finish(manifest)
    with Bundle.open(path, check="used") as bundle:
        return bundle.manifest


def _variant_names(variants: Sequence[str], require: Sequence[str]) -> list[str]:
    unknown = sorted({*variants, *require} - set(VARIANTS))
    if unknown:
        raise UsageError(
            f"variants: got {unknown}, expected some of {list(VARIANTS)}; correct the names"
        )
    names = list(dict.fromkeys((BASELINE, *variants)))
    if absent := sorted(set(require) - set(names)):
        raise UsageError(
            f"require: got {absent}, which are not among the variants {names}, expected variants "
            "that are made; add them to --variants"
        )
    return names


def _recipe_class(checkpoint: Checkpoint, family: str | None) -> type[Recipe]:
    if family is not None and family not in RECIPES:
        raise UsageError(f"family: got {family!r}, expected one of {list(RECIPES)}; choose one")
    taken = {
        architecture: recipe
        for key, recipe in RECIPES.items()
        if family in (None, key)
        for architecture in recipe.architectures
    }
    if checkpoint.architecture not in taken:
        raise UnsupportedCheckpointError(
            f"checkpoint {checkpoint.folder}: got the architecture {checkpoint.architecture}, "
            f"expected one of {', '.join(taken)}; export a checkpoint of one of these"
            + (", or leave --family away" if family else "")
        )
    return taken[checkpoint.architecture]


def _judge(
    recipe: Recipe,
    calibration: str | Path | None,
    evaluation: str | Path | None,
    *,
    budget: Budget,
    progress: Progress,
    seed: int,
) -> tuple[Calibration, list[parity.GoldenSample], parity.MetricGate]:
    """Read the samples and ask PyTorch about them."""
    progress.start("Reading samples")
    samples = recipe.calibration(_path(calibration), seed)
    reference = recipe.reference()
    golden = parity.golden_set(reference, recipe.golden(samples))
    judged = recipe.evaluation(_path(evaluation), samples, seed)
    budget = budget.named(judged.name, golden[0].outputs)
    progress.start(f"Measuring {judged.name} of PyTorch", judged.samples)
    return samples, golden, parity.MetricGate(judged, reference, progress.advance, budget)


def _path(given: str | Path | None) -> Path | None:
    return None if given is None else Path(given)


def _write_golden(
    writer: BundleWriter, golden: Sequence[parity.GoldenSample]
) -> tuple[GoldenSample, ...]:
    names = [f"golden/sample_{index:02}.npz" for index in range(len(golden))]
    for name, sample in zip(names, golden, strict=True):
        writer.add(name, write_golden(sample.inputs, sample.outputs))
    return tuple(GoldenSample(name) for name in names)


def _manifest(
    source: Checkpoint,
    recipe: Recipe,
    *,
    accepted: Sequence[Accepted],
    rejected: Sequence[Rejection],
    golden: tuple[GoldenSample, ...],
    seed: int,
) -> Manifest:
    common, licenses = source.common, source.common.licenses
    data = tuple(dict.fromkeys((*licenses.data, *recipe.asset_licenses())))
    return Manifest(
        format=FORMAT,
        format_version=FORMAT_VERSION,
        requires=(),
        family=recipe.family,
        task=FAMILIES[recipe.family].task.key,
        name=common.name or source.folder.resolve().name,
        version=common.version,
        licenses=Licenses(licenses.code, licenses.weights, data, NOTICE),
        source=Source(dict(sorted(source.hashes.items())), source.architecture, _tools(), seed),
        config=_plain_config(recipe),
        files={},  # the writer fills it in
        variants=tuple(variant.record for variant in accepted),
        rejected=tuple(rejected),
        golden=Golden(golden, {item.record.name: item.tolerance for item in accepted}),
    )


def _plain_config(recipe: Recipe) -> dict[str, Any]:
    config: dict[str, Any] = records.plain(recipe.config)
    return config


def _tools() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in TOOLS}}


def _notice(source: Checkpoint, recipe: Recipe, manifest: Manifest) -> str:
    """Return the text of the NOTICE file: the author's words, and the licences."""
    licenses = manifest.licenses
    lines = [f"{manifest.name} {manifest.version}"]
    for text in filter(None, (source.common.notice, recipe.asset_notice())):
        lines += ["", text]
    lines += [""]
    lines += [
        f"{part}: {', '.join(expressions)}"
        for part, expressions in (
            ("Code", licenses.code),
            ("Weights", licenses.weights),
            ("Data", licenses.data),
        )
    ]
    return "\n".join(lines) + "\n"
