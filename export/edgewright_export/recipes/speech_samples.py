"""Audio for calibration and evaluation: a folder of files, a table of transcripts, or made up."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgewright.audio import Waveform, read_blocks
from edgewright.errors import InputError, InputNotFoundError
from edgewright.lines import split_lines
from edgewright.pauses import is_silence, segments
from edgewright_export.calibrate import spread

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".au", ".caf"})
"""Files of a folder that are read as audio."""
TABLE, HEADER = "transcripts.tsv", ("path", "text")
LEAST_SECONDS = 0.1
"""Shorter pieces are left out: no model hears a word in them."""


@dataclass(frozen=True)
class Clips:
    """How audio is read: as the runtime cuts it."""

    sample_rate: int
    """Hz."""
    max_segment: float
    """Longest piece, seconds."""

    def read(self, path: Path) -> Iterator[Waveform]:
        """Yield the pieces of the file `path` that hold sound."""
        blocks = read_blocks(path, self.sample_rate, name=path.name)
        for segment in segments(blocks, self.sample_rate, self.max_segment):
            long_enough = segment.waveform.size >= LEAST_SECONDS * self.sample_rate
            if long_enough and not is_silence(segment.waveform, self.sample_rate):
                yield segment.waveform

    def read_folder(self, folder: Path, most: int) -> list[Waveform]:
        """Return up to `most` pieces of the audio files in `folder`, spread over all of them.

        Raises:
            InputNotFoundError: There is no such folder.
            InputError: It has no audio, or a file cannot be read.
        """
        files = spread(_audio_files(folder), most)
        found = [piece for file in files for piece in itertools.islice(self.read(file), most)]
        if not found:
            raise InputError(
                f"{folder}: got nothing but silence, expected speech; choose other recordings"
            )
        return spread(found, most)


@dataclass(frozen=True)
class Utterance:
    """A recording and what is said in it."""

    path: Path
    text: str
    """Words, with spaces between."""


def read_transcripts(path: Path) -> tuple[Utterance, ...]:
    """Return the rows of a table with the header `path<TAB>text`.

    Args:
        path: The table, or a folder with `transcripts.tsv`; its paths begin at the table.

    Raises:
        InputNotFoundError: The table, or a file that it names, does not exist.
        InputError: A row has another form, or there are none.
    """
    table = path / TABLE if path.is_dir() else path
    lines = _lines(table)
    if not lines or tuple(lines[0].split("\t")) != HEADER:
        raise InputError(
            f"{table}: got the header {lines[:1]}, expected 'path<TAB>text'; add that line"
        )
    rows = [(number, line.split("\t")) for number, line in enumerate(lines[1:], 2) if line]
    utterances = tuple(_utterance(table, number, row) for number, row in rows)
    if not any(utterance.text.split() for utterance in utterances):
        raise InputError(f"{table}: got no words, expected at least one; add transcripts")
    return utterances


def synthetic_speech(generator: np.random.Generator, seconds: float, sample_rate: int) -> Waveform:
    """Return audio with the rhythm of speech: a gliding voice and noise, in syllables with pauses.

    It says nothing. It only gives a graph numbers of the size that speech gives.
    """
    time = np.arange(int(seconds * sample_rate)) / sample_rate
    pitch = 120 * (1 + 0.2 * np.sin(2 * np.pi * generator.uniform(0.3, 1.0) * time))
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    voice = np.zeros_like(time)
    for harmonic in range(1, 30):
        formant = generator.uniform(0.3, 1.0) / harmonic
        voice += formant * np.sin(harmonic * phase + generator.uniform(0, 2 * np.pi))
    hiss = 0.3 * generator.normal(size=time.size)
    syllables = np.clip(np.sin(2 * np.pi * generator.uniform(2, 5) * time) + 0.3, 0, None)
    mixed = syllables * (voice + hiss) + 0.002 * generator.normal(size=time.size)
    level = generator.uniform(0.1, 0.5) / np.abs(mixed).max()
    waveform: Waveform = (level * mixed).astype(np.float32)
    return waveform


def _audio_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise InputNotFoundError(
            f"{folder}: got no folder, expected one with audio files; check the path"
        )
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in SUFFIXES)
    if not files:
        raise InputError(
            f"{folder}: got no audio, expected files that end in {', '.join(sorted(SUFFIXES))}; "
            "choose another folder"
        )
    return files


def _lines(table: Path) -> list[str]:
    if not table.is_file():
        raise InputNotFoundError(
            f"{table}: got no such file, expected a table of paths and texts; write it"
        )
    try:
        return split_lines(table.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise InputError(
            f"{table}: got bytes that are no UTF-8 ({error}), expected text; convert the file"
        ) from error


def _utterance(table: Path, number: int, row: list[str]) -> Utterance:
    if len(row) != len(HEADER):
        raise InputError(
            f"{table}, line {number}: got {len(row)} columns, expected a path, a tab and the text; "
            "correct the line"
        )
    file = table.parent / row[0]
    if not file.is_file():
        raise InputNotFoundError(
            f"{table}, line {number}: got '{row[0]}', which does not exist, expected a path from "
            "the folder of the table; correct the line"
        )
    return Utterance(file, row[1])
