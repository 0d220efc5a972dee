import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from edgewright.decoding import softmax, softmax_top_k
from edgewright.errors import InputError, InputTypeError, UsageError
from reference import decoding as reference

logit_arrays = arrays.arrays(
    np.float32,
    arrays.array_shapes(min_dims=1, max_dims=3, max_side=12),
    elements=st.floats(-100, 100, width=32),
)


@settings(deadline=None, max_examples=50)
@given(logit_arrays)
def test_softmax_equals_reference(logits):
    got = softmax(logits)
    assert (got.dtype, got.shape) == (np.float32, logits.shape)
    expected = [reference.softmax(row) for row in logits.reshape(-1, logits.shape[-1]).tolist()]
    # One float32 exponential and one rounding: 2e-7 of values up to 1.
    np.testing.assert_allclose(got.reshape(-1, logits.shape[-1]), expected, rtol=0, atol=2e-7)


@settings(deadline=None, max_examples=50)
@given(logit_arrays, st.integers(1, 14))
def test_top_k_equals_reference(logits, k):
    logits = np.round(logits / 20)  # many ties
    indices, probabilities = softmax_top_k(logits, k)
    expected = [reference.top_k(row, k) for row in logits.reshape(-1, logits.shape[-1]).tolist()]
    shape = (*logits.shape[:-1], min(k, logits.shape[-1]))
    assert (indices.dtype, indices.shape, probabilities.shape) == (np.int64, shape, shape)
    assert indices.reshape(len(expected), -1).tolist() == expected
    all_probabilities = softmax(logits)
    np.testing.assert_array_equal(
        probabilities, np.take_along_axis(all_probabilities, indices, axis=-1)
    )


@pytest.mark.parametrize("classes", [5, 15, 16, 17, 31, 32, 33, 47, 48, 49, 1000])
def test_parity_with_torch_and_scipy(classes):
    logits = np.random.default_rng(0).normal(0, 5, (7, classes)).astype(np.float32)
    np.testing.assert_allclose(softmax(logits), scipy.special.softmax(logits, -1), atol=3e-7)
    indices, probabilities = softmax_top_k(logits, 5)
    expected = torch.from_numpy(logits).softmax(-1).topk(5)
    np.testing.assert_array_equal(indices, expected.indices)
    np.testing.assert_allclose(probabilities, expected.values, atol=3e-7)


def test_extreme_logits_do_not_overflow():
    largest = np.finfo(np.float32).max
    np.testing.assert_array_equal(softmax(np.float32([largest, -largest, largest])), [0.5, 0, 0.5])
    np.testing.assert_array_equal(softmax(np.float32([3e38])), [1])


def test_views_are_read_in_their_own_order():
    logits = np.random.default_rng(1).normal(size=(6, 8)).astype(np.float32)
    np.testing.assert_array_equal(softmax(logits.T), softmax(logits.T.copy()))
    np.testing.assert_array_equal(softmax(logits[::-2]), softmax(logits)[::-2])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_refused(value):
    with pytest.raises(InputError, match="'logits': got NaN or infinity, expected finite"):
        softmax_top_k(np.float32([1, value]), 1)


def test_wrong_arguments_are_refused():
    with pytest.raises(InputTypeError, match="got float64, expected a float32 array"):
        softmax(np.zeros(3))
    with pytest.raises(InputTypeError, match="got list"):
        softmax([1.0])
    with pytest.raises(InputError, match=r"got shape \(2, 0\)"):
        softmax(np.zeros((2, 0), np.float32))
    with pytest.raises(InputError, match=r"got shape \(\)"):
        softmax(np.float32([1])[0:1].reshape(()))
    with pytest.raises(UsageError, match="k: got 0, expected at least 1"):
        softmax_top_k(np.zeros(3, np.float32), 0)


def test_no_rows_give_no_rows():
    assert softmax_top_k(np.zeros((0, 4), np.float32), 2)[0].shape == (0, 2)
