"""Write the phrases that the demo judges and calibrates the translator on, into `examples/data`.

python examples/training/translation_demo_data.py
"""

import random
from pathlib import Path

from translation_corpus import Pair, pairs, transcript

DATA = Path(__file__).resolve().parents[1] / "data"
JUDGED, CALIBRATION = 120, 128


def main() -> None:
    """Take a sentence of each development row, and training sentences; half of them as heard."""
    draw = random.Random(1)
    rows: dict[str, list[Pair]] = {}
    for pair in pairs("dev"):
        rows.setdefault(pair.template, []).append(pair)
    judged = [draw.choice(row) for row in rows.values()]
    lines = [f"{_as_met(draw, pair)}\t{pair.spanish}\n" for pair in draw.sample(judged, JUDGED)]
    (DATA / "phrases.tsv").write_text("source\ttarget\n" + "".join(lines), "utf-8")
    seen = [_as_met(draw, pair) + "\n" for pair in draw.sample(pairs("train"), CALIBRATION)]
    (DATA / "phrases_calibration.txt").write_text("".join(seen), "utf-8")


def _as_met(draw: random.Random, pair: Pair) -> str:
    """Return the English side as it is written, or as a recognizer writes it."""
    return transcript(pair.english) if draw.random() < 0.5 else pair.english


if __name__ == "__main__":
    main()
