"""Phones to the token ids of a FastSpeech 2 vocabulary."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from edgewright.errors import BundleError, InputError

Style = Literal["flite", "arpabet"]
"""`flite`: `ah1`, `_ah1` where a syllable begins, pauses `pau,`. `arpabet`: `AH1`, pauses `,`, an
end token.

The second is that of g2p_en and `FastSpeech2ConformerTokenizer`."""
PAUSE = "pau"
END = "<sos/eos>"
UNKNOWN = "<unk>"
SPACE = " "


class Phone(Protocol):
    """A phone of `edgewright.text`."""

    @property
    def symbol(self) -> str:
        """Phone of flite's cmulex in lower case, or `pau`."""

    @property
    def stress(self) -> int | None:
        """0 to 2 on vowels."""

    @property
    def word_start(self) -> bool:
        """Whether a word begins here."""

    @property
    def syllable_start(self) -> bool:
        """Whether a syllable begins here."""

    @property
    def word(self) -> str:
        """The word that it belongs to; the mark of a pause."""


@dataclass(frozen=True)
class Token:
    """One input of the model."""

    token_id: int
    symbol: str
    word: str
    """The word that it belongs to; the mark of a pause."""
    word_start: bool


class PhoneTokens:
    """A vocabulary and the style in which it writes phones.

    Raises:
        BundleError: The vocabulary lacks what the style needs.
    """

    def __init__(self, vocabulary: Mapping[str, int], style: Style, *, spaces: bool) -> None:
        self._ids, self._style = dict(vocabulary), style
        self._spaces = spaces
        needed = (PAUSE, "pau.") if style == "flite" else (END, UNKNOWN)
        missing = [token for token in needed if token not in self._ids]
        if missing:
            raise BundleError(
                f"vocabulary: got none of {missing}, expected them in the style '{style}'; export "
                "the bundle again"
            )

    def __call__(self, phones: Sequence[Phone]) -> tuple[Token, ...]:
        """Return the tokens of a sentence, with the pauses or the end token around it."""
        if self._style == "flite":
            return tuple(self._flite(phones))
        return (*self._arpabet(phones), Token(self._ids[END], END, "", False))

    def _flite(self, phones: Sequence[Phone]) -> Iterator[Token]:
        """A sentence begins with a plain pause and ends with that of its mark, as in training."""
        if not phones or phones[0].symbol != PAUSE:
            yield self._token(PAUSE, "", False)
        for phone in phones:
            if phone.symbol == PAUSE:
                mark = phone.word if PAUSE + phone.word in self._ids else ""
                yield self._token(PAUSE + mark, phone.word, False)
            else:
                yield self._token(self._flite_symbol(phone), phone.word, phone.word_start)
        if not phones or phones[-1].symbol != PAUSE:
            yield self._token("pau.", ".", False)

    def _flite_symbol(self, phone: Phone) -> str:
        stress = "" if phone.stress is None else str(min(phone.stress, 1))
        symbol = phone.symbol + stress
        return f"_{symbol}" if phone.syllable_start else symbol

    def _arpabet(self, phones: Sequence[Phone]) -> Iterator[Token]:
        first = True
        for phone in phones:
            if phone.symbol == PAUSE:
                if phone.word in self._ids:
                    yield self._token(phone.word, phone.word, False)
                continue
            if self._spaces and phone.word_start and not first:
                yield self._token(SPACE, "", False)
            first = False
            symbol = _arpabet_symbol(phone)
            yield self._token(
                symbol if symbol in self._ids else UNKNOWN, phone.word, phone.word_start
            )

    def _token(self, symbol: str, word: str, word_start: bool) -> Token:
        if symbol not in self._ids:
            raise InputError(
                f"text: got the phone '{symbol}', expected one of the model's vocabulary; "
                "write the word another way, and report it"
            )
        return Token(self._ids[symbol], symbol, word, word_start)


def _arpabet_symbol(phone: Phone) -> str:
    """Return the phone as CMUdict writes it, which has no symbol for the reduced vowel of flite."""
    symbol = "AH" if phone.symbol == "ax" else phone.symbol.upper()
    return symbol if phone.stress is None else f"{symbol}{phone.stress}"


def pieces(phones: Sequence[Phone], longest: int) -> Iterator[Sequence[Phone]]:
    """Cut `phones` into pieces of at most `longest`: after a pause, else before a word.

    Args:
        phones: Of one sentence.
        longest: Phones of a piece, at least 1.
    """
    start = 0
    while len(phones) - start > longest:
        window = range(start + longest, start + longest // 2, -1)
        cut = next((i for i in window if phones[i - 1].symbol == PAUSE), None) or next(
            (i for i in window if phones[i].word_start), start + longest
        )
        yield phones[start:cut]
        start = cut
    yield phones[start:]
