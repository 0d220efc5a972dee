import json
import re
import unicodedata
from collections import Counter

import pytest
import translation_corpus as corpus
from speech_text import plain_words
from translation_corpus import CorpusError, Template, expand
from translation_slots import read_slots

from edgewright.text.phones import PAUSE
from edgewright.text.spanish import SpanishPhonemizer
from edgewright.text.spanish.phones import CONSONANTS, VOWELS
from edgewright.text.tables import word_set

FILES = sorted(corpus.CORPUS.glob("*.tsv"))
SPANISH = re.compile(r"[a-zA-ZáéíóúüñÁÉÍÓÚÑ ,.;:()¿?¡!|{}0-9-]*")
ENGLISH_WORDS = word_set(
    "the and of your is are was were you with for to this that please my we they it not at on from "
    "what where when how who press call number have will can cannot do does there here by an be "
    "been our their his her which would could should if or but about into after before"
)
VALUES = {
    "zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
    "hundred": 100, "thousand": 1000, "million": 10**6, "second": 2, "seconds": 2, "third": 3,
    "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7, "eighth": 8, "ninth": 9, "tenth": 10,
    "eleventh": 11, "twelfth": 12, "thirteenth": 13, "fourteenth": 14, "fifteenth": 15,
    "sixteenth": 16, "seventeenth": 17, "eighteenth": 18, "nineteenth": 19, "twentieth": 20,
    "thirtieth": 30, "fortieth": 40, "fiftieth": 50, "sixtieth": 60, "seventieth": 70,
    "eightieth": 80, "ninetieth": 90, "hundredth": 100, "thousandth": 1000, "millionth": 10**6,
    "quarter": 4, "half": 30, "twice": 2, "both": 2, "niner": 9,
    "percent": 100,
}  # fmt: skip
"""One is left out, for it is an article too; second is a number and a time, half past is thirty."""
VALORES = {
    "cero": 0, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8,
    "nueve": 9, "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15,
    "dieciséis": 16, "diecisiete": 17, "dieciocho": 18, "diecinueve": 19, "veinte": 20,
    "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80,
    "noventa": 90, "cien": 100, "ciento": 100, "mil": 1000, "millón": 10**6, "segundo": 2,
    "segundos": 2, "segunda": 2, "tercer": 3, "tercero": 3, "tercera": 3, "cuarto": 4,
    "cuarta": 4, "quinto": 5, "quinta": 5, "sexto": 6, "sexta": 6, "séptimo": 7, "séptima": 7,
    "octavo": 8, "octava": 8, "noveno": 9, "novena": 9, "décimo": 10, "décima": 10,
    "undécimo": 11, "duodécimo": 12, "decimotercero": 13, "decimocuarto": 14, "decimoquinto": 15,
    "decimosexto": 16, "decimoséptimo": 17, "decimoctavo": 18, "decimonoveno": 19,
    "vigésimo": 20, "trigésimo": 30, "cuadragésimo": 40, "quincuagésimo": 50, "sexagésimo": 60,
    "septuagésimo": 70, "octogésimo": 80, "nonagésimo": 90, "centésimo": 100, "milésimo": 1000,
    "millonésimo": 10**6, "medio": 30, "media": 30, "mitad": 30,
}  # fmt: skip
HUNDREDS = {"dosc": 2, "tresc": 3, "cuatroc": 4, "quin": 5, "seisc": 6, "setec": 7, "ochoc": 8,
            "novec": 9}  # fmt: skip
TWENTIES = {"veintidós": 2, "veintitrés": 3, "veinticuatro": 4, "veinticinco": 5, "veintiséis": 6,
            "veintisiete": 7, "veintiocho": 8, "veintinueve": 9}  # fmt: skip


@pytest.fixture(scope="module")
def templates():
    return corpus.read_templates()


@pytest.fixture(scope="module")
def splits():
    return {split: corpus.pairs(split) for split in ("train", "dev", "test")}


@pytest.fixture(scope="module")
def pairs(splits):
    return [pair for split in splits.values() for pair in split]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_are_plain_composed_text(path):
    text = path.read_bytes().decode("utf-8")
    assert text == unicodedata.normalize("NFC", text)
    assert text.endswith("\n")
    assert not re.search(r"  | [\t\n]|\t | $|\n\n", text)
    for character in set(text) - set("\t\n"):
        assert unicodedata.category(character)[0] not in "CZ" or character == " ", repr(character)


def test_spanish_has_spanish_letters_and_paired_marks(templates):
    for row in templates:
        assert SPANISH.fullmatch(row.spanish), row
        for opening, closing in ("¿?", "¡!"):
            marks = "".join(c for c in row.spanish if c in opening + closing)
            assert marks == (opening + closing) * (len(marks) // 2), row


def test_marks_are_those_of_the_english_side(templates):
    for row in templates:
        for mark in "?!":
            assert row.english.count(mark) == row.spanish.count(mark), row
        ends = [text[-1] if text[-1] in ".?!" else "" for text in (row.english, row.spanish)]
        assert ends[0] == ends[1], row


def test_slots_are_equal_on_both_sides(templates):
    for row in templates:
        english, spanish = map(corpus.slot_names, (row.english, row.spanish))
        assert sorted(english) == sorted(spanish), row


def test_nothing_of_a_template_is_left_in_a_pair(pairs):
    for pair in pairs:
        for text in (pair.english, pair.spanish):
            assert not re.search(r"[{}()|<>\t]|  | [.?,;:]|\.\.$", text), pair


def test_numbers_are_equal_on_both_sides(pairs):
    for pair in (pair for pair in pairs if not pair.template.startswith("letters/")):  # dos puntos
        assert re.findall(r"\d+", pair.english) == re.findall(r"\d+", pair.spanish), pair
        assert _english_values(pair.english) == _spanish_values(pair.spanish), pair


def _english_values(text):
    return Counter(VALUES[word] for word in re.findall(r"[a-z]+", text.lower()) if word in VALUES)


def _spanish_values(text):
    values = []
    for word in re.findall(r"[a-záéíóúüñ]+", text.lower()):
        if word in VALORES:
            values.append(VALORES[word])
        elif word.startswith("veinti"):
            values += [20, *([TWENTIES[word]] if word in TWENTIES else [])]
        elif hundreds := re.fullmatch(rf"({'|'.join(HUNDREDS)})ient[oa]s", word):
            values += [HUNDREDS[hundreds[1]], 100]
    return Counter(values)


def test_no_english_word_is_left_in_spanish(pairs):
    for pair in pairs:
        words = re.findall(r"[a-záéíóúüñ]+", pair.spanish.lower())
        assert ENGLISH_WORDS.isdisjoint(words), pair


def test_no_row_comes_twice(templates):
    counts = Counter(re.sub(r"[^a-z{}|]+", " ", row.english.lower()).strip() for row in templates)
    names = {row.domain for row in templates}
    assert names == {*corpus.DOMAINS, corpus.PROMPTS}
    own = [row for row in templates if row.domain in corpus.DOMAINS]
    assert len({row.english for row in own}) == len(own)
    assert [english for english, count in counts.items() if count > 2] == []


def test_splits_share_no_template_and_no_sentence(templates, splits):
    belonging = {}
    for row in templates:
        assert belonging.setdefault(row.name, row.split) == row.split
    for one, other in (("train", "dev"), ("train", "test"), ("dev", "test")):
        said = [{plain_words(pair.english) for pair in splits[split]} for split in (one, other)]
        assert said[0].isdisjoint(said[1])
    for split, rows in splits.items():
        assert len({plain_words(pair.english) for pair in rows}) == len(rows), split
        assert {belonging[pair.template] for pair in rows} == {split}


def test_there_is_enough_of_everything(templates, splits):
    own = [row for row in templates if row.domain in corpus.DOMAINS]
    assert len(own) >= 4600
    assert len(templates) - len(own) >= 370
    assert len(splits["train"]) >= 30_000
    for split in ("dev", "test"):
        assert {pair.domain for pair in splits[split]} == set(corpus.DOMAINS)
        assert len({pair.template for pair in splits[split]}) >= 100


def test_held_out_speech_is_not_in_the_corpus(pairs, templates):
    held = _held_out_texts()
    assert len(held) > 700
    assert [pair for pair in pairs if plain_words(pair.english) in held] == []
    names = set(json.loads(_transcript("test_split.json"))["asterisk_prompts"])
    assert names.isdisjoint(row.name for row in templates)


def _transcript(name):
    return (corpus.TRANSCRIPTS / name).read_text("utf-8")


def _held_out_texts():
    split = json.loads(_transcript("test_split.json"))
    chosen = {
        "asterisk_en": lambda name: name in split["asterisk_prompts"],
        "amazon_queen": lambda name: name[:2] in split["flight_of_the_amazon_queen_talk_keys"],
        "drascula_parallel": lambda name: name in split["drascula_ids"],
    }
    return {
        plain_words(row.split("\t")[1])
        for source, is_held in chosen.items()
        for row in _transcript(f"{source}_transcripts.tsv").splitlines()[1:]
        if is_held(row.split("\t")[0])
    } - {""}


def test_game_lines_are_none_of_the_held_out_ones():
    game, held = corpus.game_pairs(), _held_out_texts()
    assert len(game) > 600
    assert {pair.split for pair in game} == {"train", "dev"}
    names = set(json.loads(_transcript("test_split.json"))["drascula_ids"])
    assert names.isdisjoint(pair.template.removeprefix("drascula-") for pair in game)
    assert not any(plain_words(pair.english) in held for pair in game if pair.split == "train")


@pytest.mark.parametrize(
    ("english", "spanish", "expected"),
    [
        ("I am at the {place}.", "Estoy en (el|la) {place}.", "Estoy en la playa."),
        ("I go to the {place}.", "Voy a (el|la) {place}.", "Voy al hotel."),
        ("The {clothes} (is|are) old", "(El|La|Los|Las) {clothes} (es|es|son|son) viej(o|a|os|as)",
         "Las botas son viejas"),
        ("{color} {clothes}", "{clothes} {color}", "Botas negras"),
        ("The {pet} in the {room}", "(El|La) {pet} en (el|la:room) {room}", "La gata en el baño"),
        ("{count} minutes", "{count} minutos", "Veintiún minutos"),
        ("{count} weeks", "{count:f} semanas", "Veintiuna semanas"),
        ("number {count}", "número {count:n}", "Número veintiuno"),
        ("the {ordinal} floor", "el {ordinal} piso", "El tercer piso"),
        ("at {time}", "a {time}", "Al mediodía"),
        ("at {time}", "a {time}", "A la una menos cuarto"),
        ("on the {date}", "el {date}", "El primero de mayo"),
        ("{digit} or {digit2}", "{digit} o {digit2}", "Siete u ocho"),
    ],
)  # fmt: skip
def test_slots_and_agreement(english, spanish, expected):
    template = Template("travel", "x", "train", english, spanish)
    expanded = list(expand(template, read_slots(corpus.CORPUS), 10**6))
    assert expected in {pair.spanish for pair in expanded}


def test_expansion_is_deterministic_and_limited():
    slots = read_slots(corpus.CORPUS)
    template = Template("travel", "x", "train", "A {place} in {city}", "(Un|Una) {place} en {city}")
    first, second = (list(expand(template, slots, 20)) for _ in range(2))
    assert first == second
    assert len({pair.english for pair in first}) == 20
    assert "An airport in Rome" in {pair.english for pair in expand(template, slots, 10**6)}


@pytest.mark.parametrize(
    ("english", "spanish", "reason"),
    [
        ("{nothing}", "{nothing}", "no fillers for"),
        ("{city}", "{city} {count}", "Spanish side only"),
        ("{city}", "(el|la) {city}", "no noun decides"),
    ],
)
def test_broken_templates_are_refused(english, spanish, reason):
    template = Template("travel", "x", "train", english, spanish)
    with pytest.raises(CorpusError, match=reason):
        list(expand(template, read_slots(corpus.CORPUS)))


def test_broken_rows_are_refused(tmp_path):
    for name in (*corpus.DOMAINS, corpus.PROMPTS):
        (tmp_path / f"{name}.tsv").write_text("template\tsplit\tenglish\tspanish\n")
    (tmp_path / "travel.tsv").write_text("template\tsplit\tenglish\tspanish\na\ttrain\tHello\n")
    with pytest.raises(CorpusError, match=r"travel\.tsv:2: 3 columns"):
        corpus.read_templates(tmp_path)
    (tmp_path / "travel.tsv").write_text("template\tsplit\tenglish\tspanish\na\tmine\tHi\tHola\n")
    with pytest.raises(CorpusError, match="split 'mine'"):
        corpus.read_templates(tmp_path)


def test_every_spanish_sentence_has_phones(pairs):
    phonemize = SpanishPhonemizer()
    known = {*CONSONANTS, *VOWELS}
    for text in {pair.spanish for pair in pairs}:
        tokens = [token for sentence in phonemize(text) for token in sentence.tokens]
        assert {token.symbol for token in tokens if token.symbol != PAUSE} <= known, text
        assert any(token.stress for token in tokens), text
        written = re.findall(r"[^\W\d_]+", text.lower())
        spoken = [token.word for token in tokens if token.word_start]
        assert len(spoken) >= len(written), text


@pytest.mark.parametrize(
    ("english", "forms"),
    [
        ("I am lost.", ["i am lost", "i'm lost"]),
        ("Yes, I am.", ["yes i am"]),
        ("Who is it?", ["who is it"]),
        ("Where is the bank?", ["where is the bank", "where's the bank"]),
        ("I have lost my keys.", ["i have lost my keys", "i've lost my keys"]),
        ("I have a fever.", ["i have a fever"]),
        ("You cannot and will not.", ["you cannot and will not", "you can't and won't"]),
        ("Do not hang up.", ["do not hang up", "don't hang up"]),
        ("I do not know.", ["i do not know"]),  # a test clip says the other form
    ],
)
def test_spoken_forms(english, forms):
    assert corpus.spoken_forms(english) == forms


def test_no_spoken_form_is_held_out(pairs):
    held = _held_out_texts()
    for pair in {pair.template: pair for pair in pairs}.values():
        forms = corpus.spoken_forms(pair.english)
        assert forms, pair
        assert held.isdisjoint(forms), pair


def test_a_transcript_is_what_a_recognizer_writes():
    assert corpus.transcript("At eight p.m., press twenty-one!") == "at eight p m press twenty one"
