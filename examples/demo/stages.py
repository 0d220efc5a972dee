"""The stages of the demo: export and verify every checkpoint, then measure, answer and show."""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from answers import answer
from measure import measure
from picture import draw
from rich.console import Console
from rich.table import Table
from shipped import SHIPPED, Shipped

import edgewright as ew
from edgewright.errors import CheckpointNotFoundError, ParityError
from edgewright.progress import Progress
from edgewright.records import plain
from edgewright.tasks.speak import WavWriter
from edgewright.translation import SpeechTranslation
from edgewright_export.export import export

BLOCKS = 100


def run(output: Path, *, only_export: bool) -> None:
    """Go the whole road with every shipped checkpoint."""
    started = time.monotonic()
    check_checkpoints(SHIPPED)
    output.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # also what the latency ratios say
    for number, shipped in enumerate(SHIPPED, 1):
        say(f"[{number}/{len(SHIPPED)}] {shipped.name}")
        export_and_verify(shipped, bundle_path(output, shipped))
    if not only_export:
        show(output)
    say(f"done in {time.monotonic() - started:.0f} s")


def check_checkpoints(all_shipped: Sequence[Shipped]) -> None:
    """Look for every checkpoint before the first of them is exported.

    Raises:
        CheckpointNotFoundError: One is not there.
    """
    if missing := [str(one.checkpoint) for one in all_shipped if not one.checkpoint.is_dir()]:
        raise CheckpointNotFoundError(
            f"checkpoints: got no folder {', '.join(missing)}, expected all that shipped.py lists; "
            "get the whole repository"
        )


def export_and_verify(shipped: Shipped, bundle: Path) -> None:
    """Export one checkpoint and check the bundle on this machine.

    Raises:
        ParityError: A check failed.
    """
    with Progress() as progress:
        export(
            shipped.checkpoint,
            bundle,
            calibration=shipped.calibration,
            evaluation=shipped.evaluation,
            require=("int8",),
            force=True,
            progress=progress,
        )
    verification = ew.verify(bundle, checkpoint=shipped.checkpoint)
    if not verification.ok:
        raise ParityError(f"{bundle}: {verification}")
    say(f"      verified: {len(verification.checks)} checks ok")


def show(output: Path) -> None:
    """Measure, answer, print the table, draw the picture."""
    with Progress() as progress:
        progress.start("Timing beside PyTorch eager", len(SHIPPED))
        rows = []
        for shipped in SHIPPED:
            rows.append(measure(shipped, bundle_path(output, shipped), blocks=BLOCKS))
            progress.advance()
        answers = answer(output, progress.start)
        progress.start("Drawing the picture")
        draw(output / "demo.png", answers, rows)
    (output / "results.json").write_text(json.dumps(plain(rows), indent=2) + "\n", "utf-8")
    for file, result in answers.images[:3]:
        say(f"{file.parent.name}: {result}")
    for episode in answers.episodes:
        say(f"{episode}")
    for text, result in answers.heard:
        say(f"{Path(result.input).name}: {result.text}  (said: {text})")
    answers.spoken.save(output / "speech.wav")
    say(f"{answers.spoken}, in {output / 'speech.wav'}")
    save_translations(output / "spanish", answers.translated)
    console = Console(width=None if sys.stdout.isatty() else 150)
    console.print(table(rows))
    say(f"picture: {output / 'demo.png'}; figures: {output / 'results.json'}")


def save_translations(folder: Path, translated: Sequence[tuple[str, SpeechTranslation]]) -> None:
    """Write the Spanish speech, and print each turn with where its time went."""
    folder.mkdir(exist_ok=True)
    for name, translation in translated:
        for turn in translation.turns:
            say(f"{name}: {turn}")
        if translation.turns:
            with WavWriter(folder / f"{name}.wav", translation.sample_rate) as writer:
                writer.write(translation.waveform)
    say(f"Spanish speech: {folder}")


def table(rows: list) -> Table:
    """Return the table of the results."""
    result = Table(
        "bundle", "metric, data (samples)", "PyTorch", "fp32", "int8",
        "MB: PyTorch", "fp32", "int8", "latency / PyTorch eager: fp32", "int8",
        title="One thread, batch 1, interleaved; latency ratio with its 95 % interval",
    )  # fmt: skip
    for row in rows:
        variants = [row.variants["fp32"], row.variants["int8"]]
        result.add_row(
            row.bundle,
            f"{row.metric} ({row.samples})",
            f"{row.pytorch_metric:.4g}",
            *(f"{variant.metric:.4g}" for variant in variants),
            f"{row.pytorch_megabytes:.2f}",
            *(f"{variant.megabytes:.2f}" for variant in variants),
            *(ratio(variant.latency) for variant in variants),
        )
    return result


def ratio(latency) -> str:
    """Return a latency ratio with its interval."""
    low, high = latency.interval
    return f"{latency.ratio:.2f} [{low:.2f}, {high:.2f}]"


def bundle_path(output: Path, shipped: Shipped) -> Path:
    """Return where the bundle of a checkpoint lies."""
    return output / f"{shipped.name}.edge"


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)
