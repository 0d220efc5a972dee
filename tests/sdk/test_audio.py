"""Audio as a stream: the parts are the whole, whatever the block, and cuts lie in pauses."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from edgewright.audio import read_audio, read_blocks
from edgewright.errors import InputError, InputTypeError
from edgewright.pauses import is_silence, segments


def noise(size: int) -> np.ndarray:
    return (np.random.default_rng(3).normal(size=size) / 9).astype(np.float32)


def test_streamed_resampling_equals_one_call() -> None:
    waveform = noise(44_100 * 9)
    streamed = np.concatenate(list(read_blocks(waveform, 16_000, source_rate=44_100)))
    whole = soxr.resample(waveform, 44_100, 16_000, quality="HQ")
    assert abs(streamed.size - whole.size) <= 1
    size = min(streamed.size, whole.size)
    np.testing.assert_allclose(streamed[:size], whole[:size], atol=1e-5)


def test_channels_are_averaged_from_a_file(tmp_path: Path) -> None:
    pcm = (noise(9000).reshape(-1, 3) * 32768).astype(np.int16)
    soundfile.write(tmp_path / "three.wav", pcm, 16_000)
    expected = pcm.mean(axis=1) / 32768
    np.testing.assert_allclose(read_audio(tmp_path / "three.wav", 16_000), expected, atol=1e-6)


def test_segments_are_the_stream_and_end_in_pauses() -> None:
    waveform = noise(16_000 * 11)
    waveform[24_000:26_000] = 0
    blocks = read_blocks(waveform, 16_000)
    pieces = list(segments(blocks, 16_000, 2.0))
    np.testing.assert_array_equal(np.concatenate([p.waveform for p in pieces]), waveform)
    assert max(p.waveform.size for p in pieces) <= 32_000
    assert 24_000 <= pieces[0].waveform.size <= 26_000
    assert pieces[1].start == pieces[0].waveform.size / 16_000


def test_silence_is_below_minus_sixty_decibels() -> None:
    tone = np.sin(np.arange(16_000) / 5).astype(np.float32) * np.float32(np.sqrt(2))
    assert is_silence(tone * np.float32(0.0009), 16_000)
    assert not is_silence(tone * np.float32(0.0012), 16_000)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint8", ">i2", "uint16", "int32", ">i4", "float64", "f2"]
)
def test_the_advice_for_another_dtype_gives_the_same_sound(dtype: str) -> None:
    sound = np.array([0.0, 0.5, -0.75, 0.25])
    if np.dtype(dtype).kind == "f":
        given = sound.astype(dtype)
    else:
        half = 2.0 ** (8 * np.dtype(dtype).itemsize - 1)
        given = (sound * half + half * (np.dtype(dtype).kind == "u")).astype(dtype)
    with pytest.raises(InputTypeError, match="got dtype") as caught:
        read_audio(given, 16_000)
    advice = str(caught.value).rsplit("with ", maxsplit=1)[-1]
    expression = advice if advice.startswith("(") else f"x{advice}"
    converted = eval(expression, {"x": given, "np": np})
    np.testing.assert_allclose(read_audio(converted, 16_000), sound, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int64", "bool", "complex64"])
def test_no_advice_scales_what_has_no_known_range(dtype: str) -> None:
    with pytest.raises(InputTypeError, match=r"expected int16 or float32 in .*; (use|convert)"):
        read_audio(np.zeros(9, dtype), 16_000)


@pytest.mark.parametrize("sample", [np.nan, np.inf, -np.inf, 65.0, -20_000.0, 3e38])
def test_samples_that_are_no_sound_are_refused_with_the_name(tmp_path: Path, sample: float) -> None:
    waveform = noise(70_000)
    waveform[69_999] = sample
    with pytest.raises(InputError, match=r"'audio 3': got .*\[-1, 1\]"):
        list(read_blocks(waveform, 16_000, name="audio 3"))
    soundfile.write(tmp_path / "odd.wav", waveform, 16_000, subtype="FLOAT")
    with pytest.raises(InputError, match=r"odd.wav\): got"):
        read_audio(tmp_path / "odd.wav", 16_000)
