"""Compare the text of the word search with pyctcdecode's on recordings.

    python benchmarks/real_speech.py conformer-ctc-en.edge AUDIO…      # after make bench

Four settings: alone, with hotwords, with the trigram, with both. pyctcdecode cuts a word wherever
any prefix has just taken the token "\u2581" alone, so both get that token with an invisible letter.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyctcdecode

import edgewright
from edgewright.audio import read_blocks
from edgewright.ctc import NgramModel, WordSearch
from edgewright.ctc.word_search import WORD_PREFIX
from edgewright.pauses import segments

TRIGRAM = Path(__file__).parents[1] / "examples/checkpoints/conformer-ctc-en/lm.arpa.gz"
HOTWORDS = {"password": 6.0, "extension": 6.0, "queen": 6.0, "zanzibar": 6.0}
WIDTH = 100


def recording_logits(bundle: Path, files: list[Path]) -> Iterator[np.ndarray]:
    """Yield float32 (frames, tokens) of each segment of the recordings."""
    with edgewright.load(bundle) as model:
        rate = model.config.sample_rate
        for file in files:
            blocks = read_blocks(file, rate, source_rate=None, name=file.name)
            for segment in segments(blocks, rate, model.config.max_segment):
                yield model.infer({"waveform": segment.waveform})["logits"]


def tokens_of(bundle: Path) -> list[str]:
    """Return the vocabulary with the blank as "" and without a bare U+2581."""
    with edgewright.load(bundle) as model:
        tokens = (bundle / model.config.vocabulary).read_text("utf-8").splitlines()
        tokens[model.config.blank_id] = ""
    return [WORD_PREFIX + "\u200b" if token == WORD_PREFIX else token for token in tokens]


def main() -> None:
    """Print how many texts and scores are equal in each setting."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("audio", type=Path, nargs="+")
    options = parser.parse_args()
    tokens = tokens_of(options.bundle)
    clips = list(recording_logits(options.bundle, options.audio))
    model = NgramModel.from_arpa(TRIGRAM.read_bytes())
    for with_model, with_hotwords in itertools.product((False, True), repeat=2):
        theirs = pyctcdecode.build_ctcdecoder(tokens, str(TRIGRAM) if with_model else None)
        hotwords = HOTWORDS if with_hotwords else {}
        ours = WordSearch(
            tokens, tokens.index(""), beam_width=WIDTH, hotwords=hotwords,
            language_model=model if with_model else None,
        )  # fmt: skip
        equal = 0
        for logits in clips:
            [*_, score] = best = theirs.decode_beams(
                logits.astype(float), beam_width=WIDTH, hotwords=list(hotwords), hotword_weight=6.0
            )[0]
            [sentence] = ours(logits)
            equal += sentence.text == best[0] and abs(sentence.score - score) < 1e-3
        print(f"trigram {with_model}, hotwords {with_hotwords}: {equal} of {len(clips)} equal")


if __name__ == "__main__":
    main()
