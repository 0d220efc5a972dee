"""Words with their syllables and stress, written by hand from the rules of the RAE."""

import pytest

from edgewright.text.spanish.phones import CONSONANTS, IPA, VOWELS, word_phones
from edgewright.text.spanish.pronounce import Pronouncer

SESEO, DISTINCION = Pronouncer(), Pronouncer(distincion=True)


def written(word: str, pronounce: Pronouncer = SESEO, **options: bool) -> str:
    """Write phones with dots between syllables and an accent behind stressed vowels."""
    text = ""
    for phone in word_phones(word, pronounce(word, **options)):
        text += "." if phone.syllable_start and text else " " if text else ""
        text += phone.symbol + ("'" if phone.stress else "")
    return text


STRESS = """
canción k a n.s j o' n
café k a.f e'
reloj rr e.l o' x
verdad b e r.d a' d
jóvenes x o'.b e.n e s
árbol a' r.b o l
lápiz l a'.p i s
libro l i'.b r o
examen e k.s a'.m e n
crisis k r i'.s i s
rápido rr a'.p i.d o
teléfono t e.l e'.f o.n o
régimen rr e'.x i.m e n
robots rr o.b o' t s
bíceps b i'.s e p s
estoy e s.t o' j
Uruguay u.r u.g w a' j
álbum a' l.b u m
"""
HIATUS = """
país p a.i' s
baúl b a.u' l
día d i'.a
río rr i'.o
oír o.i' r
leer l e.e' r
caer k a.e' r
poeta p o.e'.t a
héroe e'.r o.e
aéreo a.e'.r e.o
línea l i'.n e.a
búho b u'.o
vehículo b e.i'.k u.l o
chiita ch i.i'.t a
leíais l e.i'.a j s
construía k o n s.t r w i'.a
"""
DIPHTHONGS = """
ciudad s j u.d a' d
viuda b j u'.d a
ruido rr w i'.d o
muy m u' j
rey rr e' j
bien b j e' n
cuando k w a n.d o
deuda d e' w.d a
aire a' j.r e
causa k a' w.s a
guion g j o' n
prohibir p r o j.b i' r
ahumado a w.m a'.d o
desahucio d e.s a' w.s j o
averiguáis a.b e.r i.g w a' j s
paranoia p a.r a.n o'.y a
aldehuela a l.d e.w e'.l a
hueso w e'.s o
hielo y e'.l o
deshielo d e s.y e'.l o
"""
LETTERS = """
guerra g e'.rr a
guitarra g i.t a'.rr a
pingüino p i n.g w i'.n o
vergüenza b e r.g w e' n.s a
agua a'.g w a
queso k e'.s o
quien k j e n
gente x e' n.t e
jirafa x i.r a'.f a
gato g a'.t o
cena s e'.n a
casa k a'.s a
acción a k.s j o' n
zapato s a.p a'.t o
piscina p i.s i'.n a
exceso e k.s e'.s o
coche k o'.ch e
calle k a'.y e
yo y o'
reyes rr e'.y e s
niño n i'.ny o
rosa rr o'.s a
caro k a'.r o
carro k a'.rr o
enredo e n.rr e'.d o
alrededor a l.rr e.d e.d o' r
Israel i s.rr a.e' l
subrayar s u b.rr a.y a' r
sublunar s u.b l u.n a' r
hora o'.r a
vaca b a'.k a
México m e'.x i.k o
mexicano m e.x i.k a'.n o
Oaxaca o.a.x a'.k a
Texas t e'.x a s
taxi t a' k.s i
xilófono s i.l o'.f o.n o
extra e' k s.t r a
psicología s i.k o.l o.x i'.a
gnomo n o'.m o
pterodáctilo t e.r o.d a' k.t i.l o
Iraq i.r a' k
kilo k i'.l o
sushi s u'.sh i
deshora d e.s o'.r a
web w e' b
perenne p e.r e' n.n e
atleta a.t l e'.t a
transporte t r a n s.p o' r.t e
abstracto a b s.t r a' k.t o
obstruir o b s.t r w i' r
Emma e'.m a
"""
ADVERBS = """
rápidamente rr a'.p i.d a.m e' n.t e
fácilmente f a'.s i l.m e' n.t e
solamente s o'.l a.m e' n.t e
felizmente f e.l i' s.m e' n.t e
comúnmente k o.m u' n.m e' n.t e
clemente k l e.m e' n.t e
aumente a w.m e' n.t e
mente m e' n.t e
"""
FOREIGN = """
show sh o' w
software s o'.f w e r
pizza p i' t.s a
email i.m e' j l
online o n.l a' j n
"""


def table(*texts: str) -> list[tuple[str, str]]:
    rows = [line.partition(" ") for text in texts for line in text.strip().splitlines()]
    return [(word, phones) for word, _, phones in rows]


@pytest.mark.parametrize(
    ("word", "expected"), table(STRESS, HIATUS, DIPHTHONGS, LETTERS, ADVERBS, FOREIGN)
)
def test_words(word: str, expected: str) -> None:
    assert written(word.lower()) == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("cena", "th e'.n a"),
        ("zapato", "th a.p a'.t o"),
        ("piscina", "p i s.th i'.n a"),
        ("exceso", "e k s.th e'.s o"),
        ("casa", "k a'.s a"),
        ("acción", "a k.th j o' n"),
    ],
)
def test_distincion(word: str, expected: str) -> None:
    assert written(word, DISTINCION) == expected


def test_words_that_lean_on_others_have_no_stress_unless_alone() -> None:
    assert written("para") == "p a.r a"
    assert written("para", is_stressed=True) == "p a'.r a"
    assert written("él") == "e' l"
    assert written("el") == "e l"
    assert (written("sí"), written("si")) == ("s i'", "s i")
    assert (written("qué"), written("que")) == ("k e'", "k e")


def test_what_has_no_vowel_is_spelled() -> None:
    assert written("dvd") == "d e'.u'.b e.d e'"
    assert written("x") == "e'.k i s"
    assert all(SESEO.letter(letter) for letter in "abcdefghijklmnñopqrstuvwxyz")


def test_stretched_letters_are_one() -> None:
    assert written("sííí") == "s i'"
    assert written("holaaaa") == "o'.l a"


def test_the_inventory_is_ascii_and_complete() -> None:
    assert set(IPA) == {*CONSONANTS, *VOWELS}
    assert len(IPA) == 30
    assert all(name.isascii() for name in IPA)
    assert len(set(IPA.values())) == len(IPA)
