"""Write a page of the docs and its picture from the files of pytest-benchmark.

python benchmarks/report.py kernels build/benchmarks/avx512.json build/benchmarks/avx2.json
python benchmarks/report.py pipelines build/benchmarks/pipelines.json
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parents[1] / "docs"
MARKERS = "os^D"  # one an instruction set: told apart without colours
KERNELS = """# Kernels against their peers

One thread, CPU time, both sides in one process: at least 40 blocks of a few calls each, in random
order; the ratio is exp of the median log ratio, with its 95 % bootstrap interval
([statistics](../sdk/edgewright/bench/statistics.py)). Each benchmark first asserts that both sides
give the same answer. `make bench` writes this page.

Machine: {machine}. Python {python}. A/A control: the two halves of our own calls differ by at most
{aa:.0f} %.

![Ratios to the peers](images/kernel-benchmarks.png)

| kernel | peer | instruction set | ours | peer's | ratio | 95 % interval | bar | |
|---|---|---|---|---|---|---|---|---|
"""
PIPELINES = """# Performance beside the usual ways

Shipped checkpoints from a user's input to the answer:

| pipeline | checkpoint | from | to |
|---|---|---|---|
| image | `vit-fashion-mnist` | a PNG of 28 x 28 pixels | its five likeliest classes |
| fasta | `dnabert-splice` | a FASTA file of 48,502 bases | the labels of 50 windows |
| audio | `conformer-ctc-en` | a FLAC file of 1.8 s | its text, decoded greedily |
| wav | `fastspeech2-en` | a sentence of 14 words | a WAV file of 5.2 s |
| text | `marian-en-es` | a sentence of 6 words | its translation, by 4 beams |
| step | `decision-transformer-hopper` | an observation | the next action |

Ours is `load(..., precision="int8")`; the peers are written the short way (`benchmarks/peers`).
"onnxruntime by hand" runs the same int8 graphs and must give the same answer, of sound sample by
sample; around them are Pillow, transformers' tokenizers, kaldi-native-fbank, soundfile and NumPy (a
length regulator, an inverse STFT, a beam search). PyTorch runs the checkpoint in fp32, in bf16 and
compiled; of a translator, `generate()` of transformers, of the voice and the recognizer the
project's own networks. sherpa-onnx takes the recognizer's int8 graph when it is dressed as a CTC
model of WeNet: states as constants, silence and floor of the features in front
(`benchmarks/peers/sherpa.py`); it computes the features itself, from 7.5 ms earlier on, and its
text may differ by a letter. optimum-onnx runs the fp32 graphs that it exports itself, behind
pipelines of transformers 4, which it needs; with that pipeline for translation, which transformers
5 has no more, it runs in a process of its own. To speak, every side gets its phones and its
loudness from Edgewright, and ours alone writes a file that is complete or not there.

One thread, CPU time, both sides in one process: at least 40 blocks of a few calls each, in random
order; the ratio is exp of the median log ratio, with its 95 % bootstrap interval
([statistics](../sdk/edgewright/bench/statistics.py)). Where a peer has its own process, both keep
to one core, and each block begins with a call that does not count. `nox -s pipelines` writes this
page after `make bundles`.

**What is not here.** No pipeline of transformers knows the project's own Conformer and FastSpeech
2, and there is none for policies; optimum-onnx has no class for the former two, and its
`ORTModelForCustomTasks` runs a policy's graph as onnxruntime by hand does. onnx-asr 0.12 has no CTC
layout with Kaldi's features, which the recognizer hears: those of NeMo, GigaAM and T-one compute
other features, and Kaldi's stand before transducers only. Models of the full public sizes stand in
[quantization](quantization.md#full-public-sizes).

Machine: {machine}. Python {python}. A/A control: the two halves of our own calls differ by at most
{aa:.0f} %.

![Ratios to the peers](images/performance.png)

| pipeline | peer | instruction set | ours | peer's | ratio | 95 % interval | bar | |
|---|---|---|---|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Page:
    """What is written of one suite."""

    name: str
    """Of the files, without their endings."""
    head: str
    """What stands above the table."""


PAGES = {
    "kernels": Page("kernel-benchmarks", KERNELS),
    "pipelines": Page("performance", PIPELINES),
}


@dataclass(frozen=True)
class Row:
    """One benchmark on one instruction set."""

    name: str
    """Of the kernel, in words."""
    facts: dict[str, Any]
    """`extra_info` of the benchmark."""

    @property
    def verdict(self) -> str:
        """Whether the bar is met; empty where there is none."""
        if self.facts["bar"] is None:
            return ""
        return "met" if self.facts["ratio"] <= self.facts["bar"] else "missed"

    def line(self) -> str:
        """Return the row of the table."""
        facts = self.facts
        low, high = facts["interval"]
        bar = "" if facts["bar"] is None else f"≤ {facts['bar']}"
        return (
            f"| {self.name} | {facts['peer']} | {facts['instruction_set']} | "
            f"{microseconds(facts['ours_microseconds'])} µs a {facts['unit']} | "
            f"{microseconds(facts['theirs_microseconds'])} µs | {facts['ratio']:.3f} | "
            f"{low:.3f} to {high:.3f} | {bar} | {self.verdict} |"
        )


def in_words(name: str) -> str:
    """Turn the name of a benchmark into words."""
    whole, bracket, case = name.removeprefix("test_").removesuffix("]").partition("[")
    if whole == "pipeline":
        return ", ".join(case.split("-", 1))
    return whole.replace("_", " ") + (f" ({case})" if bracket else "")


def microseconds(value: float) -> str:
    """Return a time with three digits, or in whole microseconds."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def read(path: Path) -> tuple[list[Row], dict[str, Any]]:
    """Return the rows of a file and what it says of the machine."""
    content = json.loads(path.read_text())
    rows = [Row(in_words(b["name"]), b["extra_info"]) for b in content["benchmarks"]]
    return rows, content["machine_info"]


def draw(runs: list[list[Row]], path: Path) -> None:
    """Draw every ratio with its interval, and the bars."""
    names = [row.name for row in runs[0]]
    _, axes = plt.subplots(figsize=(8, 0.32 * len(names) + 1.2), layout="constrained")
    for rows, marker in zip(runs, MARKERS, strict=False):
        ratios = [row.facts["ratio"] for row in rows]
        spans = [
            [ratio - row.facts["interval"][0] for row, ratio in zip(rows, ratios, strict=True)],
            [row.facts["interval"][1] - ratio for row, ratio in zip(rows, ratios, strict=True)],
        ]
        places = [names.index(row.name) for row in rows]
        label = rows[0].facts["instruction_set"]
        axes.errorbar(ratios, places, xerr=spans, fmt=marker, ms=5, capsize=2, label=label)
    bars = [(row.facts["bar"], place) for place, row in enumerate(runs[0]) if row.facts["bar"]]
    axes.plot(*zip(*bars, strict=True), "|", color="black", ms=12, mew=2, label="bar")
    axes.axvline(1.0, color="grey", lw=0.8)
    axes.set(xscale="log", xlabel="our time / time of the peer (left of the bar: met)")
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.legend(loc="lower left")
    plt.savefig(path, dpi=120)


def main() -> None:
    """Read the files, write the page and the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", choices=PAGES)
    parser.add_argument("files", type=Path, nargs="+", help="one file an instruction set")
    arguments = parser.parse_args()
    page = PAGES[arguments.page]
    runs, machines = zip(*(read(path) for path in arguments.files), strict=True)
    rows = [row for run in runs for row in run]
    noise = 100 * max(abs(row.facts["aa"] - 1) for row in rows)
    machine = machines[0]
    cpu = machine["cpu"].get("brand_raw", machine["machine"])
    head = page.head.format(machine=cpu, python=machine["python_version"], aa=noise)
    lines = [row.line() for row in sorted(rows, key=lambda row: row.name)]
    (DOCS / f"{page.name}.md").write_text(head + "\n".join(lines) + "\n")
    draw(list(runs), DOCS / "images" / f"{page.name}.png")


if __name__ == "__main__":
    main()
