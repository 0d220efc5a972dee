"""Files that were cut off are told from those whose length their writer did not know."""

import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile

from edgewright.audio import read_audio
from edgewright.audio_header import missing_bytes
from edgewright.errors import InputError

SAMPLES = (np.random.default_rng(1).normal(size=5001) / 9).astype(np.float32)


@pytest.mark.parametrize("endian", ["LITTLE", "BIG"])
@pytest.mark.parametrize("form", ["WAV", "AIFF", "AU"])
def test_files_that_were_cut_off_are_refused(tmp_path: Path, form: str, endian: str) -> None:
    path = tmp_path / "audio.bin"
    soundfile.write(path, SAMPLES, 16_000, format=form, subtype="PCM_24", endian=endian)
    assert read_audio(path, 16_000).size == SAMPLES.size
    whole = path.read_bytes()
    for cut in (2, 7000):
        path.write_bytes(whole[:-cut])
        assert missing_bytes(path) in {cut, cut - 1}  # a byte of padding may come last
    with pytest.raises(InputError, match=r"audio.bin.*ends (7000|6999) bytes before its samples"):
        read_audio(path, 16_000)


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFF000, 0x80000000])
def test_a_wav_from_a_pipe_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    path = tmp_path / "streamed.wav"
    soundfile.write(path, SAMPLES, 16_000, subtype="PCM_16")
    header = bytearray(path.read_bytes())
    data = header.index(b"data") + 4
    for riff in (0, 0xFFFFFFFF):
        header[4:8], header[data : data + 4] = struct.pack("<I", riff), struct.pack("<I", size)
        path.write_bytes(header)
        assert read_audio(path, 16_000).size == SAMPLES.size


def test_other_formats_and_short_files_miss_nothing(tmp_path: Path) -> None:
    for content in (b"", b"RIFF", b".snd\0", b"fLaC and more", b"RIFF1234WAVEfmt "):
        (tmp_path / "file").write_bytes(content)
        assert missing_bytes(tmp_path / "file") == 0
