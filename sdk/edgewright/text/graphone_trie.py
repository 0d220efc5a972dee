"""A back-off n-gram of graphones, stored as a trie: what is the cost of the next graphone?"""

from array import array
from bisect import bisect_left

import numpy as np

UNIT = 16
"""Costs are minus the natural logarithm of a probability, times this, as integers."""
_BACKOFF_SHIFT = 64
Nodes = tuple[int, ...]
"""What was said before: nodes of its endings that something can follow, longest first."""


class GraphoneTrie:
    """The n-grams of a letter-to-sound model; its format is described there.

    Args:
        num_symbols: The first nodes are these symbols.
        num_nodes: Entries of each array.
        data: The four arrays.

    Raises:
        ValueError: The data are damaged.
    """

    def __init__(self, num_symbols: int, num_nodes: int, data: bytes) -> None:
        if num_symbols > num_nodes or len(data) != 6 * num_nodes:
            raise ValueError(f"{len(data)} bytes for {num_nodes} nodes of {num_symbols} symbols")
        symbols = np.frombuffer(data, "<u2", num_nodes)
        children = np.frombuffer(data, "<u2", num_nodes, 2 * num_nodes)
        first = num_symbols + np.cumsum(children, dtype=np.int64) - children
        own = np.arange(num_nodes)
        forward = np.all(first > own) and num_symbols + int(children.sum(dtype=int)) == num_nodes
        if not forward or not np.array_equal(symbols[:num_symbols], own[:num_symbols]):
            raise ValueError("nodes that form no trie")
        self._symbols = array("H", symbols.astype(np.uint16).tobytes())
        self._children = array("H", children.astype(np.uint16).tobytes())
        self._first = array("q", first.tobytes())
        self._costs, self._backoffs = data[4 * num_nodes : 5 * num_nodes], data[5 * num_nodes :]

    def cost(self, nodes: Nodes, symbol: int) -> int:
        """Return the cost of `symbol` after `nodes`."""
        total = 0
        for node in nodes:
            child = self._child(node, symbol)
            if child >= 0:
                return total + self._costs[child]
            total += self._backoffs[node] - _BACKOFF_SHIFT
        return total + self._costs[symbol]

    def extend(self, nodes: Nodes, symbol: int) -> Nodes:
        """Return the nodes after `symbol` followed `nodes`."""
        found = (self._child(node, symbol) for node in nodes)
        children = self._children
        return tuple(node for node in (*found, symbol) if node >= 0 and children[node])

    def _child(self, node: int, symbol: int) -> int:
        start = self._first[node]
        stop = start + self._children[node]
        index = bisect_left(self._symbols, symbol, start, stop)
        return index if index < stop and self._symbols[index] == symbol else -1
