import numpy as np
from splice_teacher import SpliceTeacher, weighted_degree_kernel


def slow_kernel(left, right):
    shared = 0.0
    for k in range(1, 6):
        places = range(len(left) - k + 1)
        same = sum(left[p : p + k].tolist() == right[p : p + k].tolist() for p in places)
        shared += 2 * (5 - k + 1) / 30 * same
    return shared / len(left)


def test_the_kernel_counts_kmers_at_the_same_place():
    rng = np.random.default_rng(4)
    left, right = rng.integers(0, 2, (3, 12)), rng.integers(0, 2, (2, 12))
    expected = [[slow_kernel(one, other) for other in right] for one in left]
    np.testing.assert_allclose(weighted_degree_kernel(left, right), expected, rtol=1e-12)


def test_the_teacher_finds_a_planted_motif():
    rng = np.random.default_rng(5)
    codes = rng.integers(0, 4, (150, 20))
    labels = np.arange(150) % 3
    codes[labels == 1, 9:12], codes[labels == 2, 9:12] = [0, 1, 2], [3, 3, 0]
    answers = SpliceTeacher(codes[:100], labels[:100], seed=1).answers(codes[100:])
    np.testing.assert_allclose(answers.sum(1), 1, rtol=1e-5)
    assert (answers.argmax(1) == labels[100:]).mean() > 0.9
