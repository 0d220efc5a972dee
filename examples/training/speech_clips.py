"""Recorded English speech with text, out of Debian packages, and its log-mel features.

The texts and the list of test clips are in the folder `transcripts` beside this script; no clip of
the test list, and none that says the same words, is ever trained on.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import av
import kaldi_native_fbank
import numpy as np
import soundfile
import soxr
from debian_data import fetch_package
from speech_text import plain_words, spell_number, spell_ordinal
from steel_sky import steel_sky_entries

SAMPLE_RATE = 16_000  # Hz
HOP_LENGTH = 128  # samples from frame to frame
NUM_MEL_BINS = 80
HIGH_FREQUENCY = 7600.0  # Hz
DEV_QUEEN_KEYS = ("05", "33", "48", "61")
DEV_ASTERISK_EVERY = 8  # every eighth prompt that is not in the test list
DEV_DRASCULA_EVERY = 20

Split = Literal["train", "dev", "test"]


@dataclass(frozen=True)
class Clip:
    """A recorded or synthetic utterance."""

    source: str
    """Corpus, for example "asterisk"."""
    name: str
    """Name inside the corpus."""
    split: Split
    """Which part it belongs to."""
    text: str
    """Plain lower-case words."""
    waveform: np.ndarray
    """float32 (samples,) in [-1, 1], 16 kHz."""


def log_mel(waveform: np.ndarray) -> np.ndarray:
    """Return Kaldi's log-mel of a 16 kHz waveform, float32 (frames, 80), at least 0.

    Povey window of 25 ms every 8 ms, no dither, 20 to 7,600 Hz, int16 scale; energies below one
    count as one, so that digital silence is no outlier.
    """
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.samp_freq = SAMPLE_RATE
    options.frame_opts.dither = 0.0
    options.frame_opts.frame_shift_ms = 1000.0 * HOP_LENGTH / SAMPLE_RATE
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = NUM_MEL_BINS
    options.mel_opts.low_freq = 20.0
    options.mel_opts.high_freq = HIGH_FREQUENCY
    computer = kaldi_native_fbank.OnlineFbank(options)
    computer.accept_waveform(SAMPLE_RATE, (waveform * 32768.0).tolist())
    computer.input_finished()
    frames = [computer.get_frame(index) for index in range(computer.num_frames_ready)]
    if not frames:
        return np.zeros((0, NUM_MEL_BINS), np.float32)
    return np.maximum(np.stack(frames), 0.0).astype(np.float32)


def pad_to_chunk(features: np.ndarray, chunk_frames: int) -> np.ndarray:
    """Return the features with silence (zeros) behind, up to a multiple of a chunk."""
    return np.pad(features, ((0, -len(features) % chunk_frames), (0, 0)))


def recorded_clips(sources: Path, cache: Path) -> list[Clip]:
    """Return all clips with text; training clips that say a test clip's words are left out.

    Args:
        sources: folder of the transcripts and of `test_split.json`.
        cache: where the Debian packages are unpacked.
    """
    split = json.loads((sources / "test_split.json").read_text())
    clips = [
        *_asterisk(sources, cache, set(split["asterisk_prompts"])),
        *_queen(sources, cache, set(split["flight_of_the_amazon_queen_talk_keys"])),
        *_drascula(sources, cache, set(split["drascula_ids"])),
        *_steel_sky(sources, cache),
        *_pocketsphinx(cache),
    ]
    forbidden = {clip.text for clip in clips if clip.split == "test"}
    return [clip for clip in clips if clip.split == "test" or clip.text not in forbidden]


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]


def _asterisk(sources: Path, cache: Path, test: set[str]) -> Iterator[Clip]:
    package = fetch_package("asterisk-core-sounds-en-g722", cache)
    [folder] = {path.parent for path in package.root.rglob("activated.g722")}
    position = 0
    for prompt, heard, agrees in _rows(sources / "asterisk_en_transcripts.tsv"):
        text = _prompt_text(prompt, heard, agrees == "yes")
        if text is None:
            continue
        position += 1
        held_out: Split = "dev" if position % DEV_ASTERISK_EVERY == 0 else "train"
        waveform = _decode((folder / f"{prompt}.g722").read_bytes(), "g722")
        yield Clip("asterisk", prompt, "test" if prompt in test else held_out, text, waveform)


def _prompt_text(prompt: str, heard: str, agrees: bool) -> str | None:
    """Return the words of a prompt, or None where the transcript is not to be trusted."""
    kind, _, name = prompt.partition("/")
    if kind == "digits" and name.isdigit():
        return spell_number(int(name))
    if kind == "digits" and name.startswith("h-") and name[2:].isdigit():
        return spell_ordinal(int(name[2:]))
    text = plain_words(heard)
    return text if text and (agrees or len(text.split()) > 5) else None


def _queen(sources: Path, cache: Path, test: set[str]) -> Iterator[Clip]:
    package = fetch_package("flight-of-the-amazon-queen", cache)
    [path] = package.root.rglob("queen.1c")
    data = path.read_bytes()
    texts = dict(_rows(sources / "amazon_queen_transcripts.tsv"))
    for name, offset, size in _queen_entries(data):
        text = plain_words(texts.get(name, ""))
        if not text:
            continue
        held_out: Split = "dev" if name[:2] in DEV_QUEEN_KEYS else "train"
        entry = data[offset : offset + size]
        start = next(i for i in range(len(entry)) if entry[i] == 0xFF and entry[i + 1] >= 0xE0)
        waveform = _decode(entry[start:], "mp3")
        yield Clip("queen", name, "test" if name[:2] in test else held_out, text, waveform)


def _queen_entries(data: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield name, offset and size of the voice clips of a rebuilt ScummVM data file."""
    [count] = struct.unpack_from(">H", data, 13)
    for index in range(count):
        name, _, offset, size = struct.unpack_from(">12sBII", data, 15 + 21 * index)
        stem, _, kind = name.rstrip(b"\0").decode("ascii").partition(".")
        if kind == "SB" and size > 400:
            yield stem, offset, size


def _drascula(sources: Path, cache: Path, test: set[str]) -> Iterator[Clip]:
    package = fetch_package("drascula", cache)
    [folder] = {path.parent for path in package.root.rglob("I10.ALS")}
    for position, row in enumerate(_rows(sources / "drascula_parallel_transcripts.tsv")):
        name, text = row[0], plain_words(row[1])
        path = folder / f"{name}.ALS"
        if not text or not path.exists():
            continue
        held_out: Split = "dev" if position % DEV_DRASCULA_EVERY == 0 else "train"
        waveform = _resampled(np.frombuffer(path.read_bytes(), np.uint8))
        yield Clip("drascula", name, "test" if name in test else held_out, text, waveform)


def _steel_sky(sources: Path, cache: Path) -> Iterator[Clip]:
    package = fetch_package("beneath-a-steel-sky", cache)
    [path] = package.root.rglob("sky.dnr")
    texts = dict(_rows(sources / "steel_sky_transcripts.tsv"))
    for name, samples in steel_sky_entries(path.parent):
        text = plain_words(texts.get(name, ""))
        if text:
            yield Clip("steel sky", name, "train", text, _resampled(samples))


def _resampled(samples: np.ndarray) -> np.ndarray:
    """Return 16 kHz float32 of uint8 samples at 11,025 Hz."""
    return soxr.resample(samples.astype(np.float32) / 128.0 - 1.0, 11_025, SAMPLE_RATE)


def _pocketsphinx(cache: Path) -> Iterator[Clip]:
    package = fetch_package("pocketsphinx-testdata", cache)
    for listing in sorted(package.root.rglob("*transcription")):
        for line in listing.read_text("utf-8").splitlines():
            words, _, rest = line.rpartition("(")
            text = plain_words(words.replace("<s>", "").replace("</s>", ""))
            for path in sorted(listing.parent.rglob(f"{rest.rstrip(')').strip()}.*")):
                if path.suffix in (".wav", ".raw") and text:
                    yield Clip(listing.parent.name, path.stem, "test", text, _read(path))


def _read(path: Path) -> np.ndarray:
    if path.suffix == ".raw":
        return np.fromfile(path, "<i2").astype(np.float32) / 32768.0
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return soxr.resample(samples[:, 0], rate, SAMPLE_RATE)


def _decode(data: bytes, form: str) -> np.ndarray:
    """Return mono 16 kHz samples of a compressed recording."""
    resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
    parts = []
    with av.open(io.BytesIO(data), format=form) as container:
        for frame in container.decode(audio=0):
            parts += [block.to_ndarray()[0] for block in resampler.resample(frame)]
        parts += [block.to_ndarray()[0] for block in resampler.resample(None)]
    return np.concatenate(parts)
