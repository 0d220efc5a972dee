"""Make `lexicon.xz` and `letter_to_sound.xz`: English words and the phones of flite's cmulex.

Words come from Debian's `festlex-cmu`, which is the source of flite's own lexicon (their phones are
equal in all but 11 of 104,955 words), so that they are those of the voice's teacher; words that it
lacks come from a later CMUdict, by way of the npm package `cmu-pronouncing-dictionary`. Both are
permissively licensed (see NOTICE).

The letter-to-sound model learns from the words whose hash is not 0 or 1 modulo 20: those with 1
chose the settings below, those with 0 are tested at the end.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from debian_data import CACHE, fetch_package
from graphone_ngram import NGram, trie_arrays
from graphones import Aligner, Graphone, align_all

from edgewright.text.letter_to_sound import FORMAT as MODEL_FORMAT
from edgewright.text.letter_to_sound import LetterToSound
from edgewright.text.lexicon import FORMAT as LEXICON_FORMAT
from edgewright.text.phones import CODES, NAMES, encode

OUTPUT = Path(__file__).resolve().parents[2] / "export" / "edgewright_export" / "data" / "en"
NPM_PACKAGE = "cmu-pronouncing-dictionary@3.0.0"
SPLITS, TEST, DEVELOPMENT = 20, 0, 1
ALIGNER_WORDS, LEAST_COUNT, ORDER, SIZE = 12_000, 3, 7, 330_000

Entries = dict[str, str]
"""Phones by word, or by `word/n`, `word/v`, `word/j`."""

CORRECTIONS = {
    "a": "ax0",
    "a/n": "ey1",
    "to": "t ax0",
    "does": "d ah1 z",
    "email": "iy1 m ey1 l",
    "elaborate/v": "ih0 l ae1 b er0 ey1 t",
    "lead": "l iy1 d",
    "live": "l ih1 v",
    "minute/j": "m ay0 n uw1 t",
    "read/v": "r iy1 d",
    "reading": "r iy1 d ih0 ng",
    "reading/n": "r iy1 d ih0 ng",
    "use": "y uw1 s",
    "shit": "sh ih1 t",
    "toth": "t ow1 th",
    "wound": "w uw1 n d",
    "you're": "y ao1 r",
    "wound/v": "w aw1 n d",
    "bass": "b ey1 s",
    "sow": "s ow1",
    "bow": "b ow1",
    "bow/v": "b aw1",
    "dove/v": "d ow1 v",
    "delegate/n": "d eh1 l ax0 g ax0 t",
    "intimate/v": "ih1 n t ax0 m ey1 t",
    "subordinate": "s ax0 b ao1 r d ax0 n ax0 t",
    "update/n": "ah1 p d ey1 t",
    "upgrade/n": "ah1 p g r ey1 d",
    "covid": "k ow1 v ih0 d",
    "smartphone": "s m aa1 r t f ow1 n",
}
"""Entries of our own, which replace those of the sources; some are flite's (to, email, you're)."""
_TAGS = {"nil": "", "n": "n", "v": "v", "j": "j"}


def festival_entries(root: Path) -> Entries:
    """Return the words of `festlex-cmu`; of two pronunciations the noun's is the default."""
    readings: dict[str, dict[str, str]] = {}
    path = root / "usr/share/festival/dicts/cmu/cmudict-0.4.out"
    for line in path.read_text("ascii").splitlines():
        match = re.fullmatch(r'\("([A-Za-z\']+)" (nil|n|v|j) \((.*)\)\)', line)
        if match:
            word, tag, syllables = match[1].lower(), _TAGS[match[2]], match[3]
            readings.setdefault(word, {}).setdefault(tag, _festival_phones(syllables))
    entries = {}
    for word, tagged in readings.items():
        default = next(tagged[tag] for tag in ("", "n", "j", "v") if tag in tagged)
        entries[word] = default
        if len(set(tagged.values())) > 1:
            entries |= {f"{word}/{tag}": phones for tag, phones in tagged.items() if tag}
    return entries


def _festival_phones(syllables: str) -> str:
    names = []
    for phones, stress in re.findall(r"\(\(([a-z ]+)\) ([01])\)", syllables):
        names += [phone + stress if phone + stress in NAMES else phone for phone in phones.split()]
    return encode(" ".join(names))


def cmudict_entries(folder: Path) -> Entries:
    """Return the first pronunciations of CMUdict: secondary stress is stress, AH0 is ax."""
    entries = {}
    source = (folder / "package" / "index.js").read_text("utf-8")
    for word, phones in re.findall(r'^  "?([a-z][a-z\']*)"?: "([^"#]+)', source, re.MULTILINE):
        if re.search(r"'(s|ll|ve|d)?$", word):
            continue  # the runtime adds these endings
        names = phones.lower().replace("2", "1").split()
        entries[word] = encode(" ".join("ax0" if name == "ah0" else name for name in names))
    return entries


def fetch_npm(package: str, cache: Path = CACHE) -> Path:
    """Download and unpack an npm package once.

    Raises:
        RuntimeError: npm is missing or fails.
    """
    home = cache / package
    if not home.exists():
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            command = ["npm", "pack", "--silent", package]
            try:
                subprocess.run(command, cwd=folder, capture_output=True, check=True)
            except (OSError, subprocess.CalledProcessError) as error:
                raise RuntimeError(
                    f"package {package!r}: `{' '.join(command)}` failed ({error}), expected an "
                    "archive; install npm"
                ) from error
            [archive] = Path(folder).glob("*.tgz")
            with tarfile.open(archive) as contents:
                contents.extractall(Path(folder) / "unpacked", filter="data")
            (Path(folder) / "unpacked").rename(home)
    return home


def split_of(word: str) -> int:
    """Return 0 for words of the test split, 1 for development, more for training."""
    return hashlib.sha256(word.encode()).digest()[0] % SPLITS


def train_model(pairs: Sequence[tuple[str, str]]) -> bytes:
    """Return the content of `letter_to_sound.xz` after its first line."""
    named = [(word, tuple(NAMES[CODES.index(code)] for code in codes)) for word, codes in pairs]
    by_hash = sorted(named, key=lambda pair: hashlib.sha256(pair[0].encode()).digest())
    aligner = Aligner(by_hash[:ALIGNER_WORDS])
    aligned, graphones = align_all(aligner, named, least=LEAST_COUNT)
    print(f"{len(aligned):,} of {len(named):,} words aligned, {len(graphones)} graphones")
    ids = {graphone: index for index, graphone in enumerate(graphones, 2)}
    model = NGram([[ids[one] for one in path] for path in aligned], ORDER)
    print(f"{len(model):,} n-grams")
    model.prune(SIZE)
    print(f"{len(model):,} n-grams after pruning")
    return pack_model(model, graphones)


def pack_model(model: NGram, graphones: Sequence[Graphone]) -> bytes:
    """Return header and arrays."""
    arrays = trie_arrays(model, len(graphones) + 2)
    spelled = [[letters, encode(" ".join(phones))] for letters, phones in graphones]
    header = json.dumps({"graphones": spelled, "nodes": len(arrays["symbols"])})
    parts = (arrays[name] for name in ("symbols", "children", "costs", "backoffs"))
    body = b"".join(part.astype(part.dtype.newbyteorder("<")).tobytes() for part in parts)
    return header.encode() + b"\n" + body


def compress(format_line: str, body: bytes) -> bytes:
    """Return the xz file of `edgewright.text`."""
    lzma2 = {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0}
    content = format_line.encode() + b"\n" + body
    return lzma.compress(content, check=lzma.CHECK_CRC32, filters=[lzma2])


def errors(pronounce: LetterToSound, pairs: Sequence[tuple[str, str]]) -> tuple[float, float]:
    """Return the phone error rate (stress counts) and the share of words with an error."""
    distances = [edit_distance(pronounce(word), codes) for word, codes in pairs]
    phones = sum(len(codes) for _, codes in pairs)
    return sum(distances) / phones, sum(map(bool, distances)) / len(pairs)


def edit_distance(left: str, right: str) -> int:
    """Return the least number of insertions, deletions and substitutions."""
    row = list(range(len(right) + 1))
    for i, one in enumerate(left, 1):
        new = [i]
        for j, (other, (diagonal, above)) in enumerate(zip(right, pairwise(row), strict=True)):
            new.append(min(diagonal + (one != other), above + 1, new[j] + 1))
        row = new
    return row[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--split", choices=("development", "test"), default="test")
    options = parser.parse_args()
    festival = festival_entries(fetch_package("festlex-cmu").root)
    corrections = {word: encode(phones) for word, phones in CORRECTIONS.items()}
    entries = cmudict_entries(fetch_npm(NPM_PACKAGE)) | festival | corrections
    lines = "".join(sorted(f"{word}\t{phones}\n" for word, phones in entries.items()))
    options.output.mkdir(parents=True, exist_ok=True)
    lexicon = compress(LEXICON_FORMAT, lines.encode())
    (options.output / "lexicon.xz").write_bytes(lexicon)
    print(f"lexicon: {len(entries):,} entries, {len(lexicon):,} bytes")
    pairs = [(word, phones) for word, phones in sorted(entries.items()) if word.isalpha()]
    model = compress(MODEL_FORMAT, train_model([one for one in pairs if split_of(one[0]) > 1]))
    (options.output / "letter_to_sound.xz").write_bytes(model)
    print(f"letter-to-sound model: {len(model):,} bytes")
    split = TEST if options.split == "test" else DEVELOPMENT
    held_out = [one for one in pairs if split_of(one[0]) == split]
    phones, words = errors(LetterToSound(model), held_out)
    print(f"{options.split}: {len(held_out):,} words, phone error rate {phones:.1%}, ", end="")
    print(f"words with an error {words:.1%}")


if __name__ == "__main__":
    main()
