"""Voice activity in pieces, as a microphone gives them."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
import webrtcvad

from edgewright.voice_activity import VoiceActivity

RATE, FRAME = 16_000, 160
SPEECH = Path(__file__).parents[1] / "examples" / "data" / "speech" / "tt-monkeysintro.flac"


@pytest.mark.parametrize("frames", [1, 10], ids=["10 ms", "100 ms"])
def test_voice_activity_in_pieces(versus, frames):
    """The answers are alike, not equal: the peer has Gaussian mixtures over six bands.

    It takes one frame a call, ours a piece of any size.
    """
    waveform = np.concatenate([np.zeros(RATE), soundfile.read(SPEECH)[0], np.zeros(RATE)])
    size = frames * FRAME
    pieces = waveform[: len(waveform) // size * size].reshape(-1, size).astype(np.float32)
    packed = [(frame * 32767).astype("<i2").tobytes() for frame in pieces.reshape(-1, FRAME)]

    def ours() -> np.ndarray:
        detector = VoiceActivity(RATE)
        return np.concatenate([detector.feed(piece) for piece in pieces])

    def theirs() -> list[bool]:
        detector = webrtcvad.Vad(2)
        return [detector.is_speech(frame, RATE) for frame in packed]

    assert np.mean(ours() == np.array(theirs())) > 0.9
    versus(
        "webrtcvad-wheels", ours, theirs, bar=None, work=pieces.size / RATE, unit="second of audio"
    )
