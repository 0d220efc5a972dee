"""Put the phones of the project's Spanish front end beside those of eSpeak NG, with their times.

Both say the same but for allophones (b and β), the place of nasals and glides that eSpeak makes
vowels. The cheapest alignment pairs them; a sentence in which anything else differs is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spoken_phones import SpokenPhone

from edgewright.text.phones import PAUSE, Phone
from edgewright.text.spanish.phones import IPA

DIPHTHONGS = {
    "eɪ": ("e", "j"), "aɪ": ("a", "j"), "oɪ": ("o", "j"), "aʊ": ("a", "w"), "eʊ": ("e", "w"),
}  # fmt: skip
"""Signs of eSpeak for two phones."""
VOWEL_SHARE = 0.6  # of the time of a diphthong
SIGNS = {sign: name for name, sign in IPA.items()} | {"ɛ": "e", "dʒ": "y"}
ALIKE = tuple(
    frozenset(group.split())
    for group in ("b bh", "d dh", "g gh", "n m ng ny", "i j", "u w", "r rr", "y j")
)
"""Phones that stand for each other."""
LEAST_PAUSE = 0.1  # seconds; shorter ones inside a sentence are glides from vowel to vowel


@dataclass(frozen=True)
class Sounded:
    """A phone of eSpeak."""

    symbol: str
    """In the IPA; empty for a pause."""
    start: float
    """Seconds."""


def align(
    tokens: Sequence[Phone], sounded: Sequence[Sounded], *, lead: float, end: float
) -> tuple[SpokenPhone, ...] | None:
    """Return the phones with the times of eSpeak, behind a first pause.

    Args:
        tokens: Phones and pauses of one sentence; the last one is a pause.
        sounded: What eSpeak says.
        lead: Seconds of silence that were put in front of it.
        end: Seconds of the whole waveform.

    Returns:
        None where the phones differ by more than `ALIKE`, or a pause is where none is expected.
    """
    heard = list(single_phones(sounded))
    if len(heard) != len(tokens) or heard[:1] == []:
        return None
    if not all(alike(token.symbol, one.symbol) for token, one in zip(tokens, heard, strict=True)):
        return None
    starts = [lead + one.start for one in heard] + [end]
    first = SpokenPhone(PAUSE, None, False, "", starts[0])
    return (
        first,
        *(
            SpokenPhone(
                token.symbol,
                token.stress,
                token.syllable_start,
                token.word if token.symbol == PAUSE else "",
                starts[index + 1],
            )
            for index, token in enumerate(tokens)
        ),
    )


def alike(symbol: str, other: str) -> bool:
    """Tell whether two phones, or pauses, stand for each other."""
    return symbol == other or any({symbol, other} <= group for group in ALIKE)


def single_phones(sounded: Sequence[Sounded]) -> Iterator[Sounded]:
    """Yield the phones of eSpeak by their names in the project; pauses in a row are one.

    Diphthongs come as two phones, and glides between vowels, which eSpeak calls nothing, belong to
    the vowel before. No pause comes first.
    """
    before = PAUSE
    for index, one in enumerate(sounded):
        names = [SIGNS.get(part, part) for part in DIPHTHONGS.get(one.symbol, (one.symbol,))]
        if not one.symbol:
            if before == PAUSE or not _is_pause(sounded, index):
                continue
            names = [PAUSE]
        if names == ["j"] and before == "j":  # the ll of "pasillo" is one j after another
            continue
        before = names[-1]
        yield Sounded(names[0], one.start)
        if len(names) > 1:
            middle = one.start + VOWEL_SHARE * (sounded[index + 1].start - one.start)
            yield Sounded(names[1], middle)


def _is_pause(sounded: Sequence[Sounded], index: int) -> bool:
    """Tell whether the silence that begins at `index` is long, or the last."""
    following = next((one for one in sounded[index:] if one.symbol), None)
    return following is None or following.start - sounded[index].start >= LEAST_PAUSE
