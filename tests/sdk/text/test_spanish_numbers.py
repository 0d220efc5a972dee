import pytest

from edgewright.text.spanish.numbers import cardinal, decimal, digits, fraction, ordinal


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (0, "cero"),
        (1, "uno"),
        (9, "nueve"),
        (15, "quince"),
        (16, "dieciséis"),
        (20, "veinte"),
        (21, "veintiuno"),
        (22, "veintidós"),
        (29, "veintinueve"),
        (30, "treinta"),
        (31, "treinta y uno"),
        (99, "noventa y nueve"),
        (100, "cien"),
        (101, "ciento uno"),
        (115, "ciento quince"),
        (200, "doscientos"),
        (500, "quinientos"),
        (707, "setecientos siete"),
        (999, "novecientos noventa y nueve"),
        (1000, "mil"),
        (1001, "mil uno"),
        (1984, "mil novecientos ochenta y cuatro"),
        (2024, "dos mil veinticuatro"),
        (21_000, "veintiún mil"),
        (31_031, "treinta y un mil treinta y uno"),
        (100_000, "cien mil"),
        (101_101, "ciento un mil ciento uno"),
        (1_000_000, "un millón"),
        (1_000_001, "un millón uno"),
        (2_100_000, "dos millones cien mil"),
        (21_000_000, "veintiún millones"),
        (999_999_999, "novecientos noventa y nueve millones novecientos noventa y nueve mil "
                      "novecientos noventa y nueve"),
        (10**9, "mil millones"),
        (10**12, "un billón"),
    ],
)  # fmt: skip
def test_cardinals(number: int, expected: str) -> None:
    assert " ".join(cardinal(str(number))) == expected


@pytest.mark.parametrize(
    ("number", "masculine", "feminine"),
    [
        (1, "un", "una"),
        (21, "veintiún", "veintiuna"),
        (41, "cuarenta y un", "cuarenta y una"),
        (100, "cien", "cien"),
        (201, "doscientos un", "doscientas una"),
        (1001, "mil un", "mil una"),
        (2200, "dos mil doscientos", "dos mil doscientas"),
        (21_000, "veintiún mil", "veintiún mil"),
        (200_000, "doscientos mil", "doscientas mil"),
        (200_000_000, "doscientos millones", "doscientos millones"),
    ],
)
def test_cardinals_agree_with_nouns(number: int, masculine: str, feminine: str) -> None:
    assert " ".join(cardinal(str(number), "masculine")) == masculine
    assert " ".join(cardinal(str(number), "feminine")) == feminine


def test_every_number_up_to_ten_thousand_is_read_as_no_other() -> None:
    assert len({" ".join(cardinal(str(number))) for number in range(10_000)}) == 10_000


def test_leading_zeros_and_endless_numbers_are_read_by_digits() -> None:
    assert cardinal("007") == ["cero", "cero", "siete"]
    assert cardinal("1" * 40) == ["uno"] * 40
    assert digits("90") == ["nueve", "cero"]


@pytest.mark.parametrize(
    ("number", "count", "masculine", "feminine"),
    [
        (1, "primero", "primer", "primera"),
        (3, "tercero", "tercer", "tercera"),
        (7, "séptimo", "séptimo", "séptima"),
        (11, "undécimo", "undécimo", "undécima"),
        (13, "decimotercero", "decimotercer", "decimotercera"),
        (20, "vigésimo", "vigésimo", "vigésima"),
        (21, "vigésimo primero", "vigésimo primer", "vigésima primera"),
        (100, "centésimo", "centésimo", "centésima"),
        (1000, "mil", "mil", "mil"),
    ],
)
def test_ordinals(number: int, count: str, masculine: str, feminine: str) -> None:
    assert " ".join(ordinal(number)) == count
    assert " ".join(ordinal(number, "masculine")) == masculine
    assert " ".join(ordinal(number, "feminine")) == feminine


def test_decimals_and_fractions() -> None:
    assert " ".join(decimal("3", "14")) == "tres coma catorce"
    assert " ".join(decimal("0", "05")) == "cero coma cero cinco"
    assert " ".join(decimal("2", "00")) == "dos coma cero cero"
    assert " ".join(decimal("3", "14159")) == "tres coma uno cuatro uno cinco nueve"
    assert fraction(1, 2) == ["un", "medio"]
    assert fraction(2, 3) == ["dos", "tercios"]
    assert fraction(1, 17) is None
