import numpy as np
import pytest

pytest.importorskip("pyworld")

from adapted_voice import align, durations_like


def make_phones(seed, durations):
    """Mel frames that hold still in each phone, with a little noise."""
    rng = np.random.default_rng(seed)
    phones = np.random.default_rng(0).normal(0, 2, (len(durations), 80))
    frames = np.repeat(phones, durations, axis=0)
    return (frames + rng.normal(0, 0.2, frames.shape)).astype(np.float32)


def test_a_frame_is_aligned_with_itself():
    mel = np.random.default_rng(1).normal(size=(30, 80)).astype(np.float32)
    np.testing.assert_array_equal(align(mel, mel), np.arange(30))


def test_an_alignment_goes_from_end_to_end_and_never_back():
    rng = np.random.default_rng(2)
    reference, recording = rng.normal(size=(40, 80)), rng.normal(size=(55, 80))
    path = align(reference.astype(np.float32), recording.astype(np.float32))
    assert path[0] == 0
    assert path[-1] == 39
    assert ((np.diff(path) >= 0) & (np.diff(path) <= 3)).all()


def test_durations_follow_another_tempo():
    spoken, recorded = np.array([8, 4, 10, 3, 6]), np.array([11, 3, 14, 5, 4])
    reference, mel = make_phones(3, spoken), make_phones(4, recorded)
    # Louder and in another voice: every bin has another mean and deviation.
    found = durations_like(reference, spoken, 0.7 * mel + np.linspace(-3, 1, 80))
    assert np.abs(found - recorded).max() <= 1
    assert found.sum() == len(mel)


def test_a_recording_too_short_for_its_reference_ends_where_it_can():
    path = align(np.ones((50, 80), np.float32), np.ones((5, 80), np.float32))
    assert path[-1] == 12  # four jumps of three frames
