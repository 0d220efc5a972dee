"""One picture with real inputs, the answers to them, and what the bundles cost."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from answers import Answers
from measure import Row
from speech_picture import draw_speech

mpl.use("Agg")
from matplotlib import pyplot as plt

INK, BLUE, ORANGE, GREY = "#222222", "#2f6fb0", "#d9822b", "#c9c9c9"
SERIES = {"PyTorch": GREY, "fp32": BLUE, "int8": ORANGE}


def draw(path: Path, answers: Answers, rows: list[Row]) -> None:
    """Write the picture to `path` (PNG)."""
    plt.rcParams.update({"font.size": 9, "axes.spines.top": False, "axes.spines.right": False})
    figure = plt.figure(figsize=(14, 15), layout="constrained")
    images, middle, speech, costs = figure.subfigures(4, 1, height_ratios=(1.0, 1.25, 1.5, 1.0))
    draw_images(images, answers.images)
    control, splice, promoters, scan = middle.subplots(
        1, 4, gridspec_kw={"width_ratios": (1, 1.5, 1, 1.2)}
    )
    draw_control(control, answers.episodes)
    draw_splice(splice, answers.splice)
    draw_promoters(promoters, answers.promoters)
    draw_scan(scan, answers.scan)
    draw_speech(speech, answers)
    draw_costs(costs, rows)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_images(figure: Any, images: list[tuple[Path, Any]]) -> None:
    """Show each image with its best label."""
    figure.suptitle("vit-fashion-mnist: the class in the file name, and the answer", color=INK)
    for axes, (file, result) in zip(figure.subplots(1, len(images)), images, strict=True):
        best = result.labels[0]
        axes.imshow(plt.imread(file), cmap="gray_r")
        right = best.name.replace("/", "-") == file.parent.name
        axes.set_title(file.parent.name, fontsize=8)
        axes.set_xlabel(
            f"{best.name}\n{best.score:.0%}", fontsize=8, color=INK if right else "crimson"
        )
        axes.set(xticks=[], yticks=[])


def draw_control(axes: Any, episodes: list[Any]) -> None:
    """Show the return reached for each return asked for."""
    targets = [episode.target_return for episode in episodes]
    reached = [episode.return_ for episode in episodes]
    axes.plot([0, max(targets)], [0, max(targets)], color=GREY, linestyle="--", label="asked for")
    axes.plot(targets, reached, "o-", color=BLUE, label="reached")
    axes.set(title=f"Hopper-v5, seed {episodes[0].seed}", xlabel="target return", ylabel="return")
    axes.legend(frameon=False)


def draw_splice(axes: Any, rows: list[tuple[str, str, Any]]) -> None:
    """Show the label probabilities of real junctions."""
    names = list(rows[0][2].scores)
    shades = (BLUE, ORANGE, GREY)
    for position, (_, _, scores) in enumerate(rows):
        left = 0.0
        for name, shade in zip(names, shades, strict=True):
            axes.barh(position, scores.scores[name], left=left, color=shade)
            left += scores.scores[name]
    axes.set_yticks(
        range(len(rows)),
        [f"{sequence[22:38].lower()}  {label}" for sequence, label, _ in rows],
        family="monospace",
        fontsize=7,
    )
    axes.invert_yaxis()
    axes.set(title="splice junctions (16 of 60 bases, true label)", xlabel="probability")
    handles = [plt.Rectangle((0, 0), 1, 1, color=shade) for shade in shades]
    axes.legend(handles, names, frameon=False, fontsize=7, loc="upper center", ncols=3,
                bbox_to_anchor=(0.5, -0.14))  # fmt: skip


def draw_promoters(axes: Any, by_label: dict[str, list[float]]) -> None:
    """Show how the scores of promoters and background differ."""
    for (label, values), shade in zip(sorted(by_label.items()), (GREY, BLUE), strict=True):
        axes.hist(values, bins=20, range=(0, 1), color=shade, alpha=0.75, label=label)
    axes.set(title="fly sequences, 300 bases", xlabel="probability of promoter", ylabel="sequences")
    axes.legend(frameon=False)


def draw_scan(axes: Any, scan: list[Any]) -> None:
    """Show the score along the genome, both strands."""
    for strand, shade in (("+", BLUE), ("-", ORANGE)):
        rows = [row for row in scan if row.strand == strand]
        axes.plot(
            [(row.start + row.end) / 2000 for row in rows],
            [row.scores["promoter"] for row in rows],
            color=shade, linewidth=0.8, label=f"strand {strand}",
        )  # fmt: skip
    axes.set(title="lambda phage, fly model", xlabel="position, kb", ylim=(0, 1))
    axes.legend(frameon=False, fontsize=7)


def draw_costs(figure: Any, rows: list[Row]) -> None:
    """Show latency and size of every variant beside PyTorch's."""
    latency, size, metric = figure.subplots(1, 3)
    grouped_bars(
        latency, rows, 1.0, lambda m: m.latency.ratio, "latency / PyTorch eager (less is better)"
    )
    grouped_bars(size, rows, None, lambda m: m.megabytes, "MB on disk")
    grouped_bars(metric, rows, None, lambda m: m.metric, "task metric / PyTorch's", relative=True)
    size.legend(frameon=False)


def grouped_bars(
    axes: Any, rows: list[Row], pytorch: float | None, value: Any, title: str, *, relative=False
) -> None:
    """Draw one group of bars per bundle: PyTorch, then every variant."""
    for position, row in enumerate(rows):
        reference = row.pytorch_megabytes if pytorch is None else pytorch
        bars = {"PyTorch": 1.0 if relative else reference}
        scale = row.pytorch_metric if relative else 1.0
        bars |= {name: value(measured) / scale for name, measured in row.variants.items()}
        for offset, (name, height) in enumerate(bars.items()):
            label = name if position == 0 else None
            axes.bar(position + 0.27 * (offset - 1), height, 0.25, color=SERIES[name], label=label)
            axes.annotate(f"{height:.2f}", (position + 0.27 * (offset - 1), height), ha="center",
                          va="bottom", fontsize=6)  # fmt: skip
    axes.set_xticks(
        range(len(rows)),
        [row.bundle.replace("decision-transformer", "dt").replace("-", "\n") for row in rows],
        fontsize=6,
    )
    axes.set_title(title)
