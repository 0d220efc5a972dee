import numpy as np
import pytest
from speech_augmentation import Augmentation, Timing, disturb, draw_timing


def test_an_undisturbed_utterance_stays_as_it_is():
    item = np.random.default_rng(0).uniform(0, 15, (40, 80)).astype(np.float16)
    rng = np.random.default_rng(3)
    timing = draw_timing(0.0, rng)
    same = disturb(item, Augmentation(0.0, 0.0), timing, rng)
    assert 0 <= timing.pause < 12
    assert not same[: timing.pause].any()
    # The last frame goes.
    np.testing.assert_allclose(same[timing.pause :, :79], item[:39, :79], atol=1e-4)


def test_two_views_of_an_utterance_have_their_frames_at_the_same_times():
    rng = np.random.default_rng(0)
    item = np.full((200, 80), 4.0, np.float16)
    item[90:110] = 14.0  # a loud word, in neither view behind a mask
    timing = draw_timing(1.0, rng)
    one, other = (disturb(item, Augmentation(0.0), timing, rng) for _ in range(2))
    assert one.shape == other.shape
    assert not np.array_equal(one, other)
    loud = [np.flatnonzero(view.mean(1) > view.mean()) for view in (one, other)]
    np.testing.assert_array_equal(*loud)


@pytest.mark.parametrize("length", [20, 21, 40, 300])
def test_a_part_of_an_utterance_is_heard_behind_wide_masks(length):
    rng = np.random.default_rng(0)
    item = rng.uniform(1, 15, (length, 80)).astype(np.float16)
    for _ in range(50):
        masked = disturb(item, Augmentation(2.0, 0.0), Timing(1.0, 0), rng)
        changed = ~np.isclose(masked[:, :79], item[: length - 1, :79], atol=0.01)
        assert changed.all(1).sum() <= (1 + length // 150) * min(40, length // 3)
        assert changed.any()
