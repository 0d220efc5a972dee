"""The parallel English and Spanish phrases of this project: templates and their expansion.

The files are in `translation/corpus`, their rules in `translation/STYLE.md`. Expansion is
deterministic: the same files give the same pairs, and a new template changes those of no other.
"""

from __future__ import annotations

import json
import random
import re
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from math import prod
from pathlib import Path
from typing import Literal, cast, get_args

from speech_text import plain_words
from translation_slots import GENDERS, CorpusError, Filler, read_rows, read_slots

CORPUS = Path(__file__).with_name("translation") / "corpus"
TRANSCRIPTS = Path(__file__).with_name("transcripts")
DOMAINS = ("telephone", "travel", "emergencies", "household")
PROMPTS = "asterisk_prompts"
PER_TEMPLATE = 24
DEV_GAME_EVERY = 20  # as in speech_clips

Split = Literal["train", "dev", "test"]
_SLOT = re.compile(r"\{([a-z]+)([2-9]?)(?::([fn]))?\}")
_CHOICE = re.compile(r"\(([^()|:]*(?:\|[^()|:]*)+)(?::([a-z]+[2-9]?))?\)")

_PARTICIPLE = (
    r"(?:already |just |never )?(?:been|lost|left|had|sent|found|forgotten|broken|cut|run|taken"
    r"|made|eaten|done|seen|fallen|bought|got|come|met|hurt|\w+ed)\b"
)
_CONTRACTIONS = tuple(
    (re.compile(pattern, re.IGNORECASE), short)
    for pattern, short in (
        (r"\b(do|does|did|is|are|was|were|has|have|could|should|would) not\b", r"\1n't"),
        (r"\b(ca)nnot\b", r"\1n't"),
        (r"\b(w)ill not\b", r"\1on't"),
        (r"\b(I) am(?= \w)", r"\1'm"),
        (r"\b(you|we|they) are(?= \w)", r"\1're"),
        (r"\b(he|she|it|that|what|where|who|there) is(?= \w)(?! it\?)", r"\1's"),
        (rf"\b(I|you|we|they) have(?= {_PARTICIPLE})", r"\1've"),
        (r"\b(I|you|he|she|it|we|they) will(?= \w)", r"\1'll"),
        (r"\b(I|you|we|they) would(?= \w)", r"\1'd"),
        (r"\b(let) us\b", r"\1's"),
    )
)


@dataclass(frozen=True)
class Template:
    """A row of the corpus."""

    domain: str
    """File, for example "travel"."""
    name: str
    """Rows of one name say the same in other words, and belong to one split."""
    split: Split
    """Which part it belongs to."""
    english: str
    """Sentence with slots such as `{city}` and choices such as `(is|are)`."""
    spanish: str
    """Its translation, with the same slots."""


@dataclass(frozen=True)
class Pair:
    """A sentence and its translation."""

    domain: str
    """Where it comes from."""
    template: str
    """Name of its template."""
    split: Split
    """Which part it belongs to."""
    english: str
    """As written."""
    spanish: str
    """As written."""


def transcript(english: str) -> str:
    """Return a sentence as a recognizer writes it: lower case, no marks, numbers spelled."""
    return plain_words(english)


def contracted(english: str) -> str:
    """Return a sentence with the contractions of speech: I'm, don't, where's, I've lost."""
    for pattern, short in _CONTRACTIONS:
        english = pattern.sub(short, english)
    return english


def spoken_forms(english: str) -> list[str]:
    """Return the transcripts of a sentence, one or two: in full, and with contractions.

    A form that a test clip of the speech corpora says is left out.
    """
    forms = dict.fromkeys((transcript(english), transcript(contracted(english))))
    return [form for form in forms if form not in held_out_texts()]


def pairs(split: Split, per_template: int = PER_TEMPLATE, corpus: Path = CORPUS) -> list[Pair]:
    """Return the expanded pairs of a split; no English sentence comes twice, in any split.

    A sentence of two splits stays where it is held out, whatever the number per template.

    Raises:
        CorpusError: A row is malformed, or its slots do not fit.
    """
    slots, templates = read_slots(corpus), read_templates(corpus)
    held: set[str] = set()
    chosen: dict[str, Pair] = {}
    for part in ("test", "dev", "train"):
        rows = [template for template in templates if template.split == part]
        found = [pair for row in rows for pair in expand(row, slots, per_template)]
        chosen = {}
        for pair in found:
            chosen.setdefault(transcript(pair.english), pair)
        chosen = {key: pair for key, pair in chosen.items() if key not in held}
        held |= chosen.keys()
        if part == split:
            break
    return list(chosen.values())


def read_templates(corpus: Path = CORPUS) -> list[Template]:
    """Return the rows of all domains and of the prompts, in order.

    Raises:
        CorpusError: A row does not have four columns, or its split is unknown.
    """
    templates = []
    for domain in (*DOMAINS, PROMPTS):
        for name, split, english, spanish in read_rows(corpus / f"{domain}.tsv"):
            if split not in get_args(Split):
                raise CorpusError(f"{name}: split {split!r}, expected one of {get_args(Split)}")
            templates.append(Template(domain, name, cast(Split, split), english, spanish))
    return templates


def slot_names(text: str) -> list[str]:
    """Return the names of the slots of a text, with their numbers, each once."""
    return list(dict.fromkeys(name + number for name, number, _ in _SLOT.findall(text)))


def expand(
    template: Template, slots: Mapping[str, Sequence[Filler]], limit: int = PER_TEMPLATE
) -> Iterator[Pair]:
    """Yield up to `limit` pairs of a template; which ones depends on its English text.

    Raises:
        CorpusError: A slot is unknown, or a choice has no noun that decides it.
    """
    used = slot_names(template.english)
    if not used:
        yield _pair(template, template.english, template.spanish)
        return
    unknown = [name for name in used if name.rstrip("23456789") not in slots]
    if unknown:
        raise CorpusError(f"{template.name}: no fillers for {unknown}; add them to slots.tsv")
    tables = [slots[name.rstrip("23456789")] for name in used]
    for fillers in _fillings(tables, limit, zlib.crc32(template.english.encode())):
        if len(set(map(id, fillers))) == len(fillers):  # not "press one or one"
            filled = dict(zip(used, fillers, strict=True))
            english = _polish_english(_fill(template.name, template.english, filled, _english))
            spanish = _polish_spanish(_fill(template.name, template.spanish, filled, _spanish))
            yield _pair(template, english, spanish)


def _pair(template: Template, english: str, spanish: str) -> Pair:
    return Pair(template.domain, template.name, template.split, english, spanish)


def _fillings(
    tables: Sequence[Sequence[Filler]], limit: int, seed: int
) -> Iterator[tuple[Filler, ...]]:
    """Yield all combinations where they are few, otherwise some."""
    total = prod(map(len, tables))
    if total <= limit:
        yield from product(*tables)
        return
    for number in random.Random(seed).sample(range(total), limit):
        chosen, rest = [], number
        for table in tables:
            rest, index = divmod(rest, len(table))
            chosen.append(table[index])
        yield tuple(chosen)


@dataclass(frozen=True)
class _Language:
    """How a language fills slots and decides choices."""

    text: Callable[[Filler, str], str]
    """The words of a filler in a form."""
    option: Callable[[int, int], int]
    """Which option: the place of the gender in m, f, mp, fp, and the number of options."""


_english = _Language(lambda filler, form: filler.english, lambda place, count: place // 2)
_spanish = _Language(
    lambda filler, form: filler.spanish.get(form, filler.spanish[""]),
    lambda place, count: place % count,
)


def _fill(name: str, text: str, filled: Mapping[str, Filler], language: _Language) -> str:
    """Put the fillers into their slots, then decide the choices by the gender of a noun."""

    def put(slot: re.Match[str]) -> str:
        filler = filled.get(slot[1] + slot[2])
        if filler is None:
            raise CorpusError(f"{name}: slot {slot[0]} is on the Spanish side only")
        return language.text(filler, slot[3] or "")

    def choose(choice: re.Match[str]) -> str:
        nouns = [filled[choice[2]]] if choice[2] else list(filled.values())
        gender = next((noun.gender for noun in nouns if noun.gender), None)
        if gender is None:
            raise CorpusError(f"{name}: no noun decides {choice[0]}")
        options = choice[1].split("|")
        return options[language.option(GENDERS.index(gender), len(options))]

    return _CHOICE.sub(choose, _SLOT.sub(put, text))


def _polish_english(text: str) -> str:
    """Write an before vowels, and a capital at the beginning of a sentence."""
    text = re.sub(r"\b([Aa]) (?=[aeio](?!ne\b|ne-))", r"\1n ", text)
    return _capitalized(text.replace("m..", "m."))  # a.m. at the end


def _polish_spanish(text: str) -> str:
    """Contract a el and de el; before their own sounds, y is e and o is u."""
    text = re.sub(r"\b([Aa]|[Dd]e) el\b", r"\1l", text)
    text = re.sub(r"\by (?=h?i(?![ae]))", "e ", text)
    return _capitalized(re.sub(r"\bo (?=h?o)", "u ", text))


def _capitalized(text: str) -> str:
    return re.sub(r"^([¿¡]?)(\w)", lambda found: found[1] + found[2].upper(), text)


def game_pairs(transcripts: Path = TRANSCRIPTS) -> list[Pair]:
    """Return the parallel lines of Drascula that are not held out, in sentence case.

    Every twentieth one is for development; a line that says what any held-out clip says is left
    out. Their licence is in the NOTICE of the folder. The Spanish often lacks accents.
    """
    forbidden = held_out_texts(transcripts)
    lines = _table(transcripts / "drascula_parallel_transcripts.tsv")
    return [
        Pair(
            "game",
            f"drascula-{name}",
            "dev" if position % DEV_GAME_EVERY == 0 else "train",
            _sentence_case(english),
            _sentence_case(spanish),
        )
        for position, (name, english, spanish) in enumerate(lines)
        if english and spanish and plain_words(english) not in forbidden
    ]


@cache
def held_out_texts(transcripts: Path = TRANSCRIPTS) -> frozenset[str]:
    """Return what the test clips of the speech corpora say, as transcripts."""
    split = json.loads((transcripts / "test_split.json").read_text("utf-8"))
    prompts, clips = set(split["asterisk_prompts"]), set(split["drascula_ids"])
    keys = tuple(split["flight_of_the_amazon_queen_talk_keys"])
    files = ("asterisk_en", "drascula_parallel", "amazon_queen")
    asterisk, drascula, queen = (_table(transcripts / f"{name}_transcripts.tsv") for name in files)
    texts = [row[1] for row in asterisk if row[0] in prompts]
    texts += [row[1] for row in drascula if row[0] in clips]
    texts += [row[1] for row in queen if row[0].startswith(keys)]
    return frozenset(map(plain_words, texts)) - {""}


def _table(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text("utf-8").splitlines()[1:]]


def _sentence_case(text: str) -> str:
    """Return a text in capitals in lower case, with capitals where sentences begin."""
    if not text.isupper():
        return text
    lowered = re.sub(r"\bi\b", "I", text.lower())
    return re.sub(r"(^|[.!?] +)([¿¡]?)(\w)", lambda m: m[1] + m[2] + m[3].upper(), lowered)
