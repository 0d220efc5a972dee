"""Pronounce unknown words: a beam search over an n-gram of graphones (letters with phones).

Format of `letter_to_sound.xz`, after decompression: the line `edgewright letter-to-sound 1`, a line
of JSON, and four arrays, little-endian, one after another. The JSON has `graphones`, a list of
[letters, phones as in `edgewright.text.phones.CODES`], and `nodes`, the number of entries of each
array. Symbol 0 is the start of a word, 1 its end, graphone number n is n + 2. The arrays are a
trie of the n-grams in breadth-first order, whose first nodes are all symbols in order: `symbols`
uint16, `children` uint16 (how many, sorted by symbol), `costs` uint8 (minus the natural logarithm
of the probability, times 16), `backoffs` uint8 (minus that of the back-off weight, times 16, plus
64).
"""

import json
from collections import defaultdict
from collections.abc import Sequence
from string import ascii_lowercase
from typing import NamedTuple

from edgewright.errors import BundleError
from edgewright.text.graphone_trie import UNIT, GraphoneTrie, Nodes
from edgewright.text.packed import unpack
from edgewright.text.phones import CODES, SOUNDS

FORMAT = "edgewright letter-to-sound 1"
_NAME = "letter-to-sound model"
_START, _END, _FIRST = 0, 1, 2
_BEAM = 12
_WIDTH = 8 * UNIT  # a hypothesis e^8 times less probable than the best one is dropped
_MOST_LETTERS = 24  # longer words are read in parts
_STRESSED = {
    CODES[SOUNDS.index((symbol, 0))]: CODES[SOUNDS.index((symbol, 1))]
    for symbol, stress in SOUNDS
    if stress == 1
}
_STRESSED_CODES = frozenset(_STRESSED.values())


class _Hypothesis(NamedTuple):
    cost: int
    nodes: Nodes
    codes: str


class LetterToSound:
    """A model of how letters are pronounced.

    Args:
        data: Content of `letter_to_sound.xz`.

    Raises:
        BundleError: The data are damaged.
    """

    def __init__(self, data: bytes) -> None:
        header, _, arrays = unpack(_NAME, data, FORMAT).partition(b"\n")
        try:
            fields = json.loads(header)
            graphones = [(str(letters), str(codes)) for letters, codes in fields["graphones"]]
            self._trie = GraphoneTrie(_FIRST + len(graphones), int(fields["nodes"]), arrays)
        except (ValueError, KeyError, TypeError) as error:
            raise _damaged(repr(error)) from error
        self._codes = [codes for _, codes in graphones]
        self._graphones: dict[str, list[int]] = {}
        for index, (letters, _) in enumerate(graphones):
            self._graphones.setdefault(letters, []).append(index)
        if not self._graphones.keys() >= set(ascii_lowercase):
            raise _damaged("letters without graphones")
        if not set("".join(self._codes)) <= set(CODES):
            raise _damaged("unknown phones")

    def __call__(self, word: str) -> str:
        """Return the phones, as in `CODES`, of a word of the letters a to z."""
        parts = (word[i : i + _MOST_LETTERS] for i in range(0, len(word), _MOST_LETTERS))
        return "".join(map(self._pronounce, parts))

    def _pronounce(self, word: str) -> str:
        start = _Hypothesis(0, self._trie.extend((), _START), "")
        waiting = defaultdict(list, {0: [start]})
        for position in range(len(word)):
            for one in _best(waiting.pop(position, [])):
                for length in (1, 2):
                    letters = word[position : position + length]
                    if len(letters) == length:
                        waiting[position + length] += self._continue(one, letters)
        ends = _best(waiting[len(word)])
        ends = [one._replace(cost=one.cost + self._trie.cost(one.nodes, _END)) for one in ends]
        return _with_stress([one.codes for one in sorted(ends)])

    def _continue(self, one: _Hypothesis, letters: str) -> list[_Hypothesis]:
        trie, nodes = self._trie, one.nodes
        found = [
            (one.cost + trie.cost(nodes, _FIRST + index), index)
            for index in self._graphones.get(letters, ())
        ]
        limit = min(found)[0] + _WIDTH if found else 0
        return [
            _Hypothesis(cost, trie.extend(nodes, _FIRST + index), one.codes + self._codes[index])
            for cost, index in sorted(found)[:_BEAM]
            if cost <= limit
        ]


def _best(hypotheses: Sequence[_Hypothesis]) -> list[_Hypothesis]:
    """Return the cheapest ones, one for each state."""
    states: dict[Nodes, _Hypothesis] = {}
    for one in sorted(hypotheses):
        states.setdefault(one.nodes, one)
    kept = list(states.values())[:_BEAM]
    return [one for one in kept if one.cost <= kept[0].cost + _WIDTH]


def _with_stress(pronunciations: Sequence[str]) -> str:
    """Return the first one with a stressed vowel; if there is none, stress a vowel of the first."""
    for codes in pronunciations:
        if not _STRESSED_CODES.isdisjoint(codes):
            return codes
    codes = pronunciations[0]
    vowels = [index for index, code in enumerate(codes) if code in _STRESSED]
    if not vowels:
        return codes
    reduced = CODES[SOUNDS.index(("ax", 0))]
    index = next((i for i in vowels if codes[i] != reduced), vowels[0])
    return codes[:index] + _STRESSED[codes[index]] + codes[index + 1 :]


def _damaged(what: str) -> BundleError:
    return BundleError(
        f"{_NAME}: got {what}, expected the arrays that its header names; export the bundle again"
    )
