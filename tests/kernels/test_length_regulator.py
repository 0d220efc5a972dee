import numpy as np
import pytest
import torch

from edgewright.errors import InputError, InputTypeError
from edgewright.synthesis import MAX_FRAMES, regulate_length


@pytest.mark.parametrize("count", [0, 1, 7, 50])
def test_equals_repeat(count):
    rng = np.random.default_rng(count)
    hidden = rng.normal(size=(count, 12)).astype(np.float32)
    durations = rng.integers(0, 9, count)
    durations[:1] = 3
    expected = torch.repeat_interleave(torch.from_numpy(hidden), torch.from_numpy(durations), 0)
    got = regulate_length(hidden, durations)
    assert (got.dtype, got.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(got, expected)


def test_all_zero_durations_count_once():
    hidden = np.arange(6, dtype=np.float32).reshape(3, 2)
    np.testing.assert_array_equal(regulate_length(hidden, np.zeros(3, np.int64)), hidden)


def test_views_are_read_in_their_own_order():
    hidden = np.random.default_rng(0).normal(size=(6, 8)).astype(np.float32)
    durations = np.arange(12)[::-2]
    expected = np.repeat(hidden, durations, axis=0)
    np.testing.assert_array_equal(regulate_length(np.asfortranarray(hidden), durations), expected)


def test_durations_out_of_range_are_refused():
    hidden = np.zeros((2, 3), np.float32)
    with pytest.raises(InputError, match="'durations': got -4, expected 0 or more frames"):
        regulate_length(hidden, np.array([3, -4]))
    for durations in ([MAX_FRAMES, 1], [2**62, 2**62], [2**63 - 1, 2**63 - 1]):
        with pytest.raises(InputError, match=r"'durations': got \d+ frames in all, expected at"):
            regulate_length(hidden, np.array(durations))
    with pytest.raises(InputError, match="'durations': got 3 values, expected 2"):
        regulate_length(hidden, np.zeros(3, np.int64))


def test_wrong_arrays_are_refused():
    with pytest.raises(InputTypeError, match="'hidden': got float64, expected a float32 array"):
        regulate_length(np.zeros((2, 3)), np.zeros(2, np.int64))
    with pytest.raises(InputTypeError, match="'durations': got float32, expected a int64 array"):
        regulate_length(np.zeros((2, 3), np.float32), np.zeros(2, np.float32))
    with pytest.raises(InputError, match=r"'hidden': got shape \(1, 2, 3\), expected \(time, dim"):
        regulate_length(np.zeros((1, 2, 3), np.float32), np.zeros(2, np.int64))
