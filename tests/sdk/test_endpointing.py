"""Where utterances end, on made-up speech: noise bursts with pauses."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgewright.endpointing import EndpointConfig, Endpointer
from edgewright.errors import UsageError

RATE, BLOCK = 16000, 320


def audio(*parts: tuple[str, float]) -> NDArray[np.float32]:
    """Return speech (bursts of noise, 200 ms each with 50 ms between) and silence, by seconds."""
    rng, made = np.random.default_rng(0), []
    for kind, seconds in parts:
        noise = rng.normal(0, 1, round(seconds * RATE))
        time = np.arange(noise.size) / RATE
        loud = 0.1 * (time % 0.25 < 0.2) if kind == "speech" else 1e-4
        made.append(noise * loud)
    return np.concatenate(made).astype(np.float32)


def ends(waveform: NDArray[np.float32], config: EndpointConfig | None, longest: float):
    """Return the seconds at which an utterance ends, and whether by a pause."""
    endpointer, found = Endpointer(RATE, config, longest), []
    for start in range(0, waveform.size, BLOCK):
        endpointer.feed(waveform[start : start + BLOCK])
        if endpointer.is_pause() or endpointer.is_too_long:
            found.append(((start + BLOCK) / RATE, endpointer.is_pause()))
            endpointer.begin()
    return found


def test_a_pause_ends_an_utterance_after_its_time() -> None:
    heard = ends(audio(("speech", 2.0), ("silence", 0.7)), EndpointConfig(pause=0.5), 30)
    (seconds, by_pause), *_ = heard
    assert by_pause
    assert 2.4 < seconds < 2.75  # the detector hangs over by 0.1 s
    assert len(heard) == 1


def test_a_shorter_pause_ends_none() -> None:
    assert (
        ends(audio(("speech", 2.0), ("silence", 0.3), ("speech", 1.0)), EndpointConfig(), 30) == []
    )


def test_a_long_utterance_ends_at_a_short_pause() -> None:
    spoken = audio(("speech", 9.0), ("silence", 0.4), ("speech", 2.0))
    assert ends(spoken, EndpointConfig(pause=0.8), 30) == []
    (seconds, by_pause), *_ = ends(spoken, EndpointConfig(pause=0.8), 10)
    assert by_pause
    assert 9.1 < seconds < 9.5


def test_without_a_pause_an_utterance_has_a_greatest_length() -> None:
    heard = ends(audio(("speech", 7.0)), None, 3.0)
    np.testing.assert_allclose([seconds for seconds, _ in heard], [3.0, 6.0], atol=0.02)


def test_reset_begins_anew() -> None:
    endpointer = Endpointer(RATE, EndpointConfig(), 30)
    endpointer.feed(audio(("speech", 1.0)))
    assert endpointer.speech_end > 0.9
    endpointer.reset()
    assert endpointer.speech_end == 0
    assert not endpointer.is_pause()


@pytest.mark.parametrize("pause", [0.0, 0.05, 61.0, float("nan")])
def test_pauses_out_of_range_are_refused(pause: float) -> None:
    with pytest.raises(UsageError, match="pause"):
        EndpointConfig(pause=pause)
