"""Softmax and top-k by the definition, in Python floats."""

import math


def softmax(logits):
    largest = max(logits)
    powers = [math.exp(value - largest) for value in logits]
    return [power / math.fsum(powers) for power in powers]


def top_k(logits, k):
    """Return the k best classes; equal ones by index."""
    return sorted(range(len(logits)), key=lambda index: (-logits[index], index))[:k]
