"""DNABERT: nucleotide sequences in; label probabilities or embeddings out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TypeAlias, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from edgewright.arguments import whole_number
from edgewright.decoding import softmax
from edgewright.errors import BundleError, InputError, UsageError
from edgewright.families.base import (
    Model,
    Stopwatch,
    check_graph,
    check_labels,
    read_lines,
    require,
    take,
)
from edgewright.sequence import KmerTokenizer, Window, read_windows, reverse_complement
from edgewright.specs import Array
from edgewright.tasks.score import Embedding, Score, Scores, TokenScores
from edgewright.tasks.window_files import WindowScore

Bases: TypeAlias = str | bytes | NDArray[np.uint8]
"""One sequence: text, bytes, or uint8 (bases,) in ASCII."""

AnySequence = TypeVar("AnySequence", bound=Bases)

HEADS = ("sequence", "token", "embedding")
"""What the graph computes: a label per sequence, a label per k-mer, or hidden states."""

LONGEST = 1 << 16
"""Tokens; far beyond what any such model reads."""

SPECIAL_TOKENS = 2
"""`[CLS]` before and `[SEP]` behind the k-mers."""


@dataclass(frozen=True)
class DNABERTConfig:
    """`manifest.config` of the family."""

    k: int
    """Bases in a k-mer."""
    head: str
    """One of `HEADS`."""
    labels: tuple[str, ...]
    """Name of each label, by index; none for embeddings."""
    max_tokens: int
    """Longest input of the graph, `[CLS]` and `[SEP]` included."""
    window: int
    """Bases of one window of a scan, unless another is asked for."""
    vocabulary: str = "assets/vocab.txt"
    """Bundle path of the checkpoint's vocabulary: one token a line, its id is the line number."""


class DNABERT(Model[DNABERTConfig]):
    """A scorer of nucleotide sequences. Safe for concurrent calls."""

    family = "dnabert"
    task = Score
    config_type = DNABERTConfig

    def _prepare(self, assets: Callable[[str], bytes]) -> None:
        config = self.config
        self._tokenizer = KmerTokenizer(read_lines(assets, config.vocabulary))
        if config.k != self._tokenizer.k or config.head not in HEADS:
            raise BundleError(
                f"manifest.config: got k {config.k} and head '{config.head}', expected k "
                f"{self._tokenizer.k} as in {config.vocabulary} and one of {', '.join(HEADS)}; "
                "export the bundle again"
            )
        least = SPECIAL_TOKENS + 1
        in_range = least <= config.max_tokens <= LONGEST
        require(in_range, "max_tokens", config.max_tokens, f"{least} to {LONGEST}")
        fits = config.k <= config.window <= self.max_bases
        require(fits, "window", config.window, f"{config.k} to {self.max_bases} bases")
        self._output = "hidden" if config.head == "embedding" else "logits"
        check_graph(self.runners, ("token_ids", "attention_mask"), self._output)
        if config.head != "embedding":
            check_labels(config.labels, self.runners["model"], "logits")

    @property
    def max_bases(self) -> int:
        """Bases of the longest sequence that the model takes at once."""
        return self.config.max_tokens - SPECIAL_TOKENS + self.config.k - 1

    @overload
    def __call__(
        self, sequence: list[AnySequence] | tuple[AnySequence, ...]
    ) -> list[Scores] | list[TokenScores]: ...

    @overload
    def __call__(self, sequence: Bases) -> Scores | TokenScores: ...

    def __call__(
        self, sequence: Bases | list[AnySequence] | tuple[AnySequence, ...]
    ) -> Scores | TokenScores | list[Scores] | list[TokenScores]:
        """Score a sequence, or a list of sequences as batches.

        Args:
            sequence: Letters in either case; a list or tuple of sequences gives a list.

        Returns:
            `Scores`, or `TokenScores` where the checkpoint labels every k-mer.

        Raises:
            InputError: A sequence is too short or too long, or a letter is no nucleotide.
            UsageError: The bundle has embeddings only.
        """
        self._require("label probabilities", "sequence", "token")
        sequences = sequence if isinstance(sequence, (list, tuple)) else [sequence]
        if self.config.head == "token":
            tokens = [r for batch in self._batches(sequences) for r in self._token_scores(batch)]
            return tokens if isinstance(sequence, (list, tuple)) else tokens[0]
        scores = [r for batch in self._batches(sequences) for r in self._scores(batch)]
        return scores if isinstance(sequence, (list, tuple)) else scores[0]

    @overload
    def embed(self, sequence: list[AnySequence] | tuple[AnySequence, ...]) -> list[Embedding]: ...

    @overload
    def embed(self, sequence: Bases) -> Embedding: ...

    def embed(
        self, sequence: Bases | list[AnySequence] | tuple[AnySequence, ...]
    ) -> Embedding | list[Embedding]:
        """Return the mean hidden state over the k-mers of a sequence, or of each of a list.

        Raises:
            InputError: A sequence is too short or too long, or a letter is no nucleotide.
            UsageError: The bundle has a classification head and no embeddings.
        """
        self._require("embeddings", "embedding")
        sequences = sequence if isinstance(sequence, (list, tuple)) else [sequence]
        embeddings = [e for batch in self._batches(sequences) for e in self._embeddings(batch)]
        return embeddings if isinstance(sequence, (list, tuple)) else embeddings[0]

    def scan(
        self,
        path: str | Path,
        *,
        window: int | None = None,
        stride: int | None = None,
        both_strands: bool = True,
        batch: int | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> Iterator[WindowScore]:
        """Score every window of a FASTA or FASTQ file, plain or gzip.

        Memory is bounded by the window and the batch, not by the file. See `read_windows` for where
        windows lie.

        Args:
            path: The file.
            window: Bases of a window; the bundle's by default.
            stride: From start to start; the window by default.
            both_strands: Also score the reverse complement of every window.
            batch: Sequences per run of the graph; `batch_size` by default.
            progress: Called with the bytes of the file that were read so far.

        Yields:
            One row per window and strand, `+` before `-`, in the order of the file.

        Raises:
            UsageError: The window does not fit the model, or the bundle has no sequence labels.
            InputError: The file cannot be read, or a record is shorter than a k-mer.
        """
        self._require("sequence labels", "sequence")
        window = self._size("window", window, self.config.window)
        stride = self._size("stride", stride, window)
        batch = self._size("batch", batch, self.batch_size)
        if not self.config.k <= window <= self.max_bases or stride < 1 or batch < 1:
            raise UsageError(
                f"scan: got window {window}, stride {stride}, batch {batch}, expected a window of "
                f"{self.config.k} to {self.max_bases} bases and at least 1 of the others; "
                "choose them in these ranges"
            )
        windows = read_windows(path, window, stride, progress=progress)
        return self._score_windows(self._strands(windows, both_strands), batch)

    def infer(self, sample: Mapping[str, Array]) -> dict[str, Array]:
        """Map `sequence` uint8 (bases,), ASCII, to what the head computes.

        Returns:
            Head `sequence`: `logits` float32 (labels,). Head `token`: `logits` float32
            (k-mers, labels). Head `embedding`: `embedding` float32 (hidden,), the mean over the
            k-mers. `[CLS]` and `[SEP]` are left out of the last two.
        """
        sequence = take(sample, "sequence", "uint8", 1).astype(np.uint8, copy=False)
        output = self._run([self._encode(sequence)])[0]
        if self.config.head == "sequence":
            return {"logits": output}
        if self.config.head == "token":
            return {"logits": output[1:-1]}
        return {"embedding": output[1:-1].mean(axis=0)}

    @staticmethod
    def _size(name: str, value: int | None, default: int) -> int:
        return default if value is None else whole_number(name, value, "1 or more")

    def _require(self, what: str, *heads: str) -> None:
        if self.config.head not in heads:
            has = {"sequence": "labels of sequences: call the model, or scan",
                   "token": "labels of k-mers: call the model",
                   "embedding": "embeddings only (its checkpoint has no trained head): use embed",
                   }[self.config.head]  # fmt: skip
            raise UsageError(
                f"bundle '{self.runtime.bundle}': got a call for {what}, expected a checkpoint "
                f"that was trained for them; this one has {has}"
            )

    def _batches(self, sequences: Sequence[Bases]) -> Iterator[Sequence[Bases]]:
        size = self.batch_size
        return (sequences[i : i + size] for i in range(0, len(sequences), size))

    def _encode(self, sequence: Bases) -> NDArray[np.int64]:
        kmers = self._tokenizer.encode(sequence)
        if kmers.size + SPECIAL_TOKENS > self.config.max_tokens:
            raise InputError(
                f"input 'sequence': got {kmers.size + self.config.k - 1} bases, expected at most "
                f"{self.max_bases}; cut it, or write it to a file and use scan"
            )
        return np.concatenate(([self._tokenizer.cls_id], kmers, [self._tokenizer.sep_id]))

    def _run(self, rows: Sequence[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Run one batch, padded with `[PAD]` at the end; float32, batch first."""
        longest = max(row.size for row in rows)
        token_ids = np.full((len(rows), longest), self._tokenizer.pad_id, np.int64)
        attention_mask = np.zeros_like(token_ids)
        for i, row in enumerate(rows):
            token_ids[i, : row.size] = row
            attention_mask[i, : row.size] = 1
        runner = self.runners["model"]
        outputs = runner.run({"token_ids": token_ids, "attention_mask": attention_mask})
        return outputs[self._output].astype(np.float32, copy=False)

    def _scores(self, sequences: Sequence[Bases]) -> list[Scores]:
        watch = Stopwatch()
        rows = [self._encode(sequence) for sequence in sequences]
        watch.lap("pre")
        logits = self._run(rows)
        watch.lap("run")
        named = [self._named(row) for row in softmax(logits)]
        watch.lap("post")
        timings = watch.timings()
        return [Scores(label, scores, timings, self.runtime) for label, scores in named]

    def _token_scores(self, sequences: Sequence[Bases]) -> list[TokenScores]:
        watch = Stopwatch()
        rows = [self._encode(sequence) for sequence in sequences]
        watch.lap("pre")
        logits = self._run(rows)
        watch.lap("run")
        scores = [
            softmax(output[1 : row.size - 1]) for row, output in zip(rows, logits, strict=True)
        ]
        labels = [tuple(self.config.labels[i] for i in s.argmax(axis=-1)) for s in scores]
        watch.lap("post")
        timings = watch.timings()
        return [
            TokenScores(names, probabilities, timings, self.runtime)
            for names, probabilities in zip(labels, scores, strict=True)
        ]

    def _embeddings(self, sequences: Sequence[Bases]) -> list[Embedding]:
        watch = Stopwatch()
        rows = [self._encode(sequence) for sequence in sequences]
        watch.lap("pre")
        hidden = self._run(rows)
        watch.lap("run")
        vectors = [h[1 : row.size - 1].mean(axis=0) for row, h in zip(rows, hidden, strict=True)]
        watch.lap("post")
        timings = watch.timings()
        return [Embedding(vector, timings, self.runtime) for vector in vectors]

    def _named(self, probabilities: NDArray[np.float32]) -> tuple[str, dict[str, float]]:
        scores = dict(zip(self.config.labels, probabilities.tolist(), strict=True))
        return self.config.labels[int(probabilities.argmax())], scores

    def _strands(
        self, windows: Iterator[Window], both: bool
    ) -> Iterator[tuple[Window, str, NDArray[np.int64]]]:
        """Yield each window's tokens, on the forward and maybe on the reverse strand."""
        for window in windows:
            if len(window.sequence) < self.config.k:
                raise InputError(
                    f"record '{window.name}': got {len(window.sequence)} bases, expected at least "
                    f"{self.config.k}; remove records shorter than a k-mer"
                )
            yield window, "+", self._encode(window.sequence)
            if both:
                yield window, "-", self._encode(reverse_complement(window.sequence))

    def _score_windows(
        self, strands: Iterator[tuple[Window, str, NDArray[np.int64]]], batch: int
    ) -> Iterator[WindowScore]:
        while rows := list(islice(strands, batch)):
            logits = self._run([tokens for _, _, tokens in rows])
            for (window, strand, _), probabilities in zip(rows, softmax(logits), strict=True):
                label, scores = self._named(probabilities)
                yield WindowScore(window.name, window.start, window.end, strand, label, scores)
