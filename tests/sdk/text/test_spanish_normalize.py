import pytest

from edgewright.text.spanish.normalize import read


def spoken(sentence: str) -> str:
    """Return the words, names of letters in capitals, without the mark of the end."""
    items = read(sentence)
    assert items[-1].kind == "pause"
    return " ".join(i.text.upper() if i.kind == "letter" else i.text for i in items[:-1])


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.234.567", "un millón doscientos treinta y cuatro mil quinientos sesenta y siete"),
        ("1 234 567", "un millón doscientos treinta y cuatro mil quinientos sesenta y siete"),
        ("1,234", "mil doscientos treinta y cuatro"),
        ("1000000000", "mil millones"),
        ("3,14", "tres coma catorce"),
        ("3.14", "tres punto catorce"),
        ("0,05", "cero coma cero cinco"),
        ("007", "cero cero siete"),
        ("-5 °C", "menos cinco grados célsius"),
        ("10-20", "diez a veinte"),
        ("10 - 3", "diez menos tres"),
        ("5 x 3", "cinco por tres"),
        ("1/2", "un medio"),
        ("½ kilo", "medio kilo"),
        ("50 %", "cincuenta por ciento"),
        ("21%", "veintiuno por ciento"),
        ("2,5 %", "dos coma cinco por ciento"),
    ],
)
def test_numbers(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("21 años", "veintiún años"),
        ("21 personas", "veintiuna personas"),
        ("200 llamadas y 300 mensajes", "doscientas llamadas y trescientos mensajes"),
        ("31 días", "treinta y un días"),
        ("31 estaciones", "treinta y una estaciones"),
        ("Tengo 1 libro y 1 casa.", "Tengo un libro y una casa"),
        ("el 21 de enero", "el veintiuno de enero"),
        ("Son 31.", "Son treinta y uno"),
        ("1 km", "un kilómetro"),
        ("21 h", "veintiuna horas"),
        ("100 km/h", "cien kilómetros por hora"),
        ("201 g", "doscientos un gramos"),
        ("30 m²", "treinta metros cuadrados"),
    ],
)
def test_numbers_agree_with_what_they_count(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("1.º", "primero"),
        ("2ª planta", "segunda planta"),
        ("3er piso", "tercer piso"),
        ("1ro", "primero"),
        ("siglo XXI", "siglo veintiuno"),
        ("Luis XIV", "Luis catorce"),
        ("Felipe II", "Felipe segundo"),
        ("Isabel II", "Isabel segunda"),
        ("capítulo IV", "capítulo cuatro"),
    ],
)
def test_ordinals_and_roman_numerals(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("5,50 €", "cinco euros con cincuenta céntimos"),
        ("1 €", "un euro"),
        ("1,01 €", "un euro con un céntimo"),
        ("0,99 €", "noventa y nueve céntimos"),
        ("$3.50", "tres dólares con cincuenta centavos"),
        ("US$21", "veintiún dólares"),
        ("£21", "veintiuna libras"),
        ("20 EUR", "veinte euros"),
        ("200 MXN", "doscientos pesos mexicanos"),
        ("3,5 millones de euros", "tres coma cinco millones de euros"),
        ("$2 millones", "dos millones de dólares"),
        ("2 millones €", "dos millones de euros"),
    ],
)
def test_money(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("a las 15:30", "a las quince treinta"),
        ("a la 1:05", "a la una cero cinco"),
        ("a las 9:00", "a las nueve"),
        ("21:00 h", "veintiuna horas"),
        ("a las 20.15 h", "a las veinte quince horas"),
        ("8 a. m.", "ocho A M"),
        ("las 3:45 p.m.", "las tres cuarenta y cinco P M"),
        ("10:30-11:45", "diez treinta a once cuarenta y cinco"),
        ("1 de mayo de 2024", "primero de mayo de dos mil veinticuatro"),
        ("2 de mayo", "dos de mayo"),
        ("3/5/2024", "tres de mayo de dos mil veinticuatro"),
        ("01/12/99", "primero de diciembre de noventa y nueve"),
        ("2024-05-03", "tres de mayo de dos mil veinticuatro"),
        ("en 1984", "en mil novecientos ochenta y cuatro"),
    ],
)
def test_times_and_dates(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("+34 912 34 56 78",
         "más tres cuatro , nueve uno dos , tres cuatro , cinco seis , siete ocho"),
        ("(55) 1234-5678", "cinco cinco , uno dos tres cuatro , cinco seis siete ocho"),
        ("555-1234", "cinco cinco cinco , uno dos tres cuatro"),
        ("Llame al 911.", "Llame al nueve uno uno"),
        ("juan.perez@ejemplo.es", "juan punto perez arroba ejemplo punto E S"),
        ("https://ejemplo.com/a.", "ejemplo punto com barra A"),
        ("1.2.3", "uno punto dos punto tres"),
    ],
)  # fmt: skip
def test_telephones_and_addresses(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("El Sr. García y la Dra. López", "El señor García y la doctora López"),
        ("Ud. y Uds.", "usted y ustedes"),
        ("EE. UU.", "estados unidos"),
        ("p. ej. esto", "por ejemplo esto"),
        ("n.º 5", "número cinco"),
        ("No. 5", "número cinco"),
        ("No. Es tarde.", "No . Es tarde"),
        ("c/ Mayor, 5", "calle Mayor , cinco"),
        ("pág. 21", "página veintiuno"),
        ("km 5", "kilómetro cinco"),
        ("El mar.", "El mar"),
        ("DNI, ONU y USB", "D N I , ONU y U S B"),
        ("O.N.U.", "O N U"),
        ("MP3", "M P tres"),
        ("pan, etc.", "pan , etcétera"),
    ],
)
def test_abbreviations_and_capitals(written: str, expected: str) -> None:
    assert spoken(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("¿Qué tal?", [("Qué", "word"), ("tal", "word"), ("?", "pause")]),
        ("¡Alto!", [("Alto", "word"), ("!", "pause")]),
        ("Sí; no", [("Sí", "word"), ("", "pause"), ("no", "word"), (".", "pause")]),
        ("Sí -- no", [("Sí", "word"), (",", "pause"), ("no", "word"), (".", "pause")]),
        ("«Sí»", [("Sí", "word"), (".", "pause")]),
        ("Москва", [("Moskva", "word"), (".", "pause")]),
        ("niño, crème", [("niño", "word"), (",", "pause"), ("creme", "word"), (".", "pause")]),
        ("¿?¡!…", []),
        ("日本 😀", []),
    ],
)
def test_marks_and_other_scripts(written: str, expected: list[tuple[str, str]]) -> None:
    assert read(written) == expected
