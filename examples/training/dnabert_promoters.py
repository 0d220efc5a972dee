"""Train the small 6-mer DNABERT that tells Drosophila promoters from sequence further upstream.

    python examples/training/dnabert_promoters.py

Data: 2,000 bases upstream of each transcription start (dm3). Promoter: the last 300 of them.
Background: 300 bases that end 1,400 before the start. Chromosome 3R is the test split, a part of
chromosome X the development split; chromosomes 2, 3L, 4 and the unplaced pieces train.
"""

from __future__ import annotations

import argparse
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from debian_data import UnpackedPackage, fetch_package
from dna_model import KmerBert, base_codes, save_dnabert, token_ids
from model_card import Licenses, ModelCard, publish
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.nn import functional
from training_loop import TrainingPlan, TrainingResult, train
from transformers import BertConfig

K, WINDOW = 6, 300
LABELS = ("background", "promoter")
BACKGROUND_START = 300
SEED = 1
BATCH_SIZE = 32
NUM_DEV_REGIONS = 750
# Training only: a promoter may end up to 8 bases before the start, and background may lie
# anywhere in the first 1,200.
MAX_PROMOTER_SHIFT, MAX_BACKGROUND_START = 8, 900

PLAN = TrainingPlan(
    num_steps=3600, learning_rate=1.2e-3, warmup_steps=300, seed=SEED, average_decay=0.998,
    evaluate_every=400,
)  # fmt: skip


@dataclass(frozen=True)
class Region:
    """The sequence upstream of one transcription start."""

    chromosome: str
    """Name in dm3, for example "chr3R"."""
    sequence: str
    """2,000 upper-case bases; the last one is next to the start."""


def read_regions(package: UnpackedPackage) -> list[Region]:
    """Read the upstream regions; the two that are shorter than 2,000 bases are left out."""
    path = package.root / "usr/lib/R/site-library/Biostrings/extdata/dm3_upstream2000.fa.gz"
    regions = []
    for record in gzip.decompress(path.read_bytes()).decode("ascii").split(">")[1:]:
        header, *lines = record.splitlines()
        # >NM_078863_up_2000_chr2L_16764737_f chr2L:16764737-16766736
        regions.append(Region(header.split()[1].split(":")[0], "".join(lines).upper()))
    return [region for region in regions if len(region.sequence) == 2000]


def split_regions(regions: list[Region]) -> dict[str, np.ndarray]:
    """Return base codes uint8 (number, 2000) of "test", "dev" and "train", duplicates dropped.

    A region is dropped when its whole, its promoter or its background was seen before; the test
    split is read first, so that a sequence on both sides stays there. The heterochromatic parts
    of the held-out chromosomes are left out.
    """
    split_of = {"chr3R": "test", "chrX": "dev", "chr3RHet": "", "chrXHet": ""}
    rank = {"test": 0, "dev": 1, "train": 2, "": 3}
    parts: dict[str, list[str]] = {"test": [], "dev": [], "train": [], "": []}
    seen: set[str] = set()
    for region in sorted(
        regions, key=lambda region: rank[split_of.get(region.chromosome, "train")]
    ):
        sequence = region.sequence
        pieces = {
            sequence,
            sequence[-WINDOW:],
            sequence[BACKGROUND_START : BACKGROUND_START + WINDOW],
        }
        if not pieces & seen:
            parts[split_of.get(region.chromosome, "train")].append(sequence)
        seen |= pieces
    del parts[""]
    return {name: base_codes(sequences) for name, sequences in parts.items()}


def fixed_windows(regions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return codes (2 x number, 300) and labels (1 promoter, 0 background) as evaluated."""
    background = regions[:, BACKGROUND_START : BACKGROUND_START + WINDOW]
    codes = np.concatenate([regions[:, -WINDOW:], background])
    return codes, np.repeat([1, 0], len(regions))


def random_windows(
    regions: np.ndarray, rng: np.random.Generator, number: int
) -> tuple[np.ndarray, np.ndarray]:
    """Draw a training batch: half promoters, half background, with shifted windows."""
    half = number // 2
    last = regions.shape[1] - WINDOW
    starts = np.concatenate(
        [
            last - rng.integers(0, MAX_PROMOTER_SHIFT + 1, half),
            rng.integers(0, MAX_BACKGROUND_START + 1, half),
        ]
    )
    rows = rng.integers(0, len(regions), 2 * half)
    codes = regions[rows[:, None], starts[:, None] + np.arange(WINDOW)]
    return codes, np.repeat([1, 0], half)


def build_model() -> KmerBert:
    """Return the network with random weights."""
    torch.manual_seed(SEED)
    config = BertConfig(
        vocab_size=4**K + 5, hidden_size=64, num_hidden_layers=3, num_attention_heads=2,
        intermediate_size=128, max_position_embeddings=512, hidden_dropout_prob=0.1,
        # With attention dropout PyTorch leaves its fused attention: 4 times slower here.
        attention_probs_dropout_prob=0.0, id2label=dict(enumerate(LABELS)),
        label2id={name: number for number, name in enumerate(LABELS)},
    )  # fmt: skip
    return KmerBert(config, K)


def scores(model: nn.Module, codes: np.ndarray) -> np.ndarray:
    """Return the difference of the logits, promoter minus background, float32 (number,)."""
    parts = [model(token_ids(codes[start : start + 250], K)) for start in range(0, len(codes), 250)]
    logits = torch.cat(parts)
    return (logits[:, 1] - logits[:, 0]).numpy()


def fit(model: KmerBert, regions: dict[str, np.ndarray], work: Path) -> TrainingResult:
    """Train on random windows; the development metric is the AUC on `NUM_DEV_REGIONS` of X."""
    chosen = np.random.default_rng(SEED).permutation(len(regions["dev"]))[:NUM_DEV_REGIONS]
    dev_codes, dev_labels = fixed_windows(regions["dev"][chosen])

    def loss(network: nn.Module, rng: np.random.Generator, _step: int) -> torch.Tensor:
        codes, labels = random_windows(regions["train"], rng, BATCH_SIZE)
        return functional.cross_entropy(network(token_ids(codes, K)), torch.from_numpy(labels))

    return train(
        model, loss, PLAN, work / "fine.pt",
        evaluate=lambda network: float(roc_auc_score(dev_labels, scores(network, dev_codes))),
    )  # fmt: skip


def baseline_auc(regions: dict[str, np.ndarray]) -> float:
    """Return the test AUC of logistic regression on the counts of the 256 4-mers."""

    def counts(codes: np.ndarray) -> np.ndarray:
        ids = token_ids(codes, 4).numpy()[:, 1:-1]
        return np.stack([np.bincount(row, minlength=4**4 + 5)[5:] for row in ids])

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=1000))
    train_codes, train_labels = fixed_windows(regions["train"])
    test_codes, test_labels = fixed_windows(regions["test"])
    model.fit(counts(train_codes), train_labels)
    return float(roc_auc_score(test_labels, model.decision_function(counts(test_codes))))


def main() -> None:
    """Train, judge on chromosome 3R, write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    root = Path(__file__).resolve().parents[2]
    output = root / "examples/checkpoints/dnabert-promoters"
    parser.add_argument("--output", type=Path, default=output)
    parser.add_argument("--work", type=Path, default=root / "build/training/promoters")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    package = fetch_package("r-bioc-biostrings")
    regions = split_regions(read_regions(package))
    model = build_model()
    result = fit(model, regions, options.work)
    test_codes, test_labels = fixed_windows(regions["test"])
    with torch.inference_mode():
        test_auc = float(roc_auc_score(test_labels, scores(model, test_codes)))
    published = model.published()
    sizes = {name: len(part) for name, part in regions.items()}
    card = ModelCard(
        name="dnabert-promoters",
        task="text-classification",
        summary=SUMMARY,
        licenses=Licenses(data=("Artistic-2.0",)),
        notice=NOTICE,
        data=DATA.format(version=package.version, dev_used=NUM_DEV_REGIONS, **sizes),
        metric_name="area under the ROC curve",
        dev_metric=result.best_metric,
        test_metric=test_auc,
        test_samples=len(test_labels),
        baseline_name="logistic regression on 4-mer counts (scikit-learn, C = 0.01)",
        baseline_metric=baseline_auc(regions),
        training=TRAINING,
        curves={"training": result.history},
        parameters=sum(weight.numel() for weight in published.parameters()),
        seed=SEED,
        seconds=result.seconds,
        command="python examples/training/dnabert_promoters.py",
        limits=LIMITS,
    )
    extra = {"k": K, "window": WINDOW}
    publish(card, options.output, lambda folder: save_dnabert(published, K, folder), extra)


SUMMARY = """
A small 6-mer BERT in the layout of DNABERT that looks at 300 bases of Drosophila melanogaster and
says whether they lie directly upstream of a transcription start (promoter) or not (background).
""".strip()

NOTICE = (
    "Trained on upstream sequences of the genome assembly dm3 (UCSC, refGene), read from the "
    "Bioconductor package Biostrings (Artistic-2.0); the genome sequence itself is public."
)

DATA = """
`dm3_upstream2000.fa.gz` of the Bioconductor package Biostrings (Debian `r-bioc-biostrings`
{version}): 26,454 regions of 2,000 bases upstream of a transcription start. A promoter is the last
300 bases (-300 to -1), background are the bases -1700 to -1401 of the same region. A region is
dropped when it, its promoter or its background occurred before.

- train: {train:,} regions of chromosomes 2L, 2R, 3L, 4, their heterochromatin, Y, U and Uextra
- development: {dev_used:,} of {dev:,} regions of chromosome X, drawn with the seed; the published
  weights are those of the best evaluation on it
- test: {test:,} regions of chromosome 3R, two windows each
""".strip()

TRAINING = """
From random weights. Training windows move: a promoter may end up to 8 bases early, background may
lie anywhere between -2000 and -801. AdamW, warm-up and cosine, moving average of the weights.
During training a k-mer's embedding is a free row plus a learned function of its bases; the saved
table holds the sum.
""".strip()

LIMITS = """
Half of the windows it was judged on are promoters; in a genome few are, and a scan gives many false
alarms. One species, and the label is the annotation of one release. Transcripts of one gene share
much of their upstream sequence, so neighbouring training regions overlap; the splits do not.
""".strip()

if __name__ == "__main__":
    main()
