"""What is read, as words; letters read by name are in capitals, a pause is its mark or ";"."""

import pytest

from edgewright.text.normalize import read
from edgewright.text.sentences import split


def spoken(text: str) -> str:
    parts = []
    for item in read(text):
        if item.kind == "pause":
            parts.append(item.text or ";")
        else:
            parts.append(item.text.upper() if item.kind == "letter" else item.text.lower())
    return " ".join(parts)


CASES = {
    "numbers": {
        "0": "zero",
        "1,234,567": "one million two hundred thirty four thousand five hundred sixty seven",
        "100000000000000000000": "one hundred quintillion",
        "1 000 000": "one million",
        "12\u202f345": "twelve thousand three hundred forty five",
        "3.14": "three point one four",
        ".5": "zero point five",
        "-5": "minus five",
        "−0.25": "minus zero point two five",
        "±3": "plus or minus three",
        "007": "zero zero seven",
        "1st 22nd 103rd 12th 20th": "first twenty second one hundred third twelfth twentieth",
        "10-20 people": "ten to twenty people",
        "5–10": "five to ten",
        "5-year-old": "five year old",
        "1.2.3": "one point two point three",
        "192.168.0.1": "one hundred ninety two dot one hundred sixty eight dot zero dot one",
        "10 - 4": "ten minus four",
        "5 * 3": "five times three",
        "5 x 3": "five times three",
        "16:9": "sixteen to nine",
        "2+2=4": "two plus two equals four",
        "x^2": "X squared",
        "10^6": "ten to the power of six",
        "10⁻³": "ten to the power of minus three",
        "10^-3": "ten to the power of minus three",
        "10⁶ or 10²": "ten to the power of six or ten squared",
        "x⁻¹": "X to the power of minus one",
        "a footnote¹": "a footnote one",
        "100k users": "one hundred thousand users",
        "1.5K": "one point five thousand",
        "5K run in 4K, 401k": "five k run in four k , four hundred one k",
        "~5": "about five",
        "1920x1080": "nineteen twenty by ten eighty",
        "٣": "three",
    },
    "fractions": {
        "1/2": "one half",
        "3/4": "three quarters",
        "5/8": "five eighths",
        "2 1/2": "two and a half",
        "2½": "two and a half",
        "½ cup": "one half cup",
        "1/3": "one third",
        "24/7": "twenty four seven",
        "50/50": "fifty fifty",
    },
    "years": {
        "in 1984": "in nineteen eighty four",
        "1905": "nineteen oh five",
        "1900": "nineteen hundred",
        "2000": "two thousand",
        "2009": "two thousand nine",
        "2024": "twenty twenty four",
        "year 1066": "year ten sixty six",
        "1234 apples": "one thousand two hundred thirty four apples",
        "2050 apples": "two thousand fifty apples",
        "1990s": "nineteen nineties",
        "the '80s": "the eighties",
        "(1642–1727)": "sixteen forty two to seventeen twenty seven",
        "c. 1687": "circa sixteen eighty seven",
        "2010-2015": "twenty ten to twenty fifteen",
    },
    "money": {
        "$1": "one dollar",
        "$5": "five dollars",
        "$3.50": "three dollars and fifty cents",
        "$3.00": "three dollars",
        "$0.99": "ninety nine cents",
        "$0.01": "one cent",
        "£2.05": "two pounds and five pence",
        "€1": "one euro",
        "5 €": "five euros",
        "1,99 €": "one , ninety nine euros",
        "¥500": "five hundred yen",
        "$3.5 million": "three point five million dollars",
        "$5M": "five million dollars",
        "US$5bn": "five billion dollars",
        "-$5": "minus five dollars",
        "20 EUR": "twenty euros",
        "3 million USD": "three million dollars",
        "$5-$10": "five dollars to ten dollars",
        "99¢": "ninety nine cents",
    },
    "units": {
        "5 km": "five kilometers",
        "1 km": "one kilometer",
        "20 °C": "twenty degrees celsius",
        "-40°F": "minus forty degrees fahrenheit",
        "3 kg": "three kilograms",
        "50 mph": "fifty miles per hour",
        "10 km/h": "ten kilometers per hour",
        "99%": "ninety nine percent",
        "3-4%": "three to four percent",
        "16GB": "sixteen gigabytes",
        "2.4 GHz": "two point four gigahertz",
        "1 m²": "one square meter",
        "5 µm": "five micrometers",
        "4.7 kΩ": "four point seven kilohms",
        "6'2\"": "six foot two",
        "10x": "ten times",
        "5 in 10": "five in ten",
        "3in pipe": "three inches pipe",
        "1in": "one inch",
        "3in1": "three I N one",
        "1.2M people": "one point two million people",
        "130 lbs., yes": "one hundred thirty pounds , yes",
        "2 million km": "two million kilometers",
    },
    "times": {
        "3:45 pm": "three forty five P M",
        "3:05 a.m.": "three oh five A M",
        "15:00": "fifteen hundred",
        "3:00": "three o'clock",
        "5pm": "five P M",
        "5 p.m.": "five P M",
        "10:30-11:45": "ten thirty to eleven forty five",
        "9:00 – 17:00": "nine o'clock to seventeen hundred",
        "9am-5pm": "nine A M to five P M",
        "12:30:45": "twelve thirty and forty five seconds",
    },
    "dates": {
        "January 5, 2024": "january fifth twenty twenty four",
        "Jan. 5th": "january fifth",
        "5 January 2024": "the fifth of january twenty twenty four",
        "on 12/25": "on december twenty fifth",
        "the 4th of July": "the fourth of july",
        "2024-01-15": "january fifteenth twenty twenty four",
        "1/15/2024": "january fifteenth twenty twenty four",
        "31/12/1999": "december thirty first nineteen ninety nine",
        "15.01.2024": "january fifteenth twenty twenty four",
        "May 2020": "may twenty twenty",
        "he may 5": "he may five",
    },
    "telephones": {
        "(555) 123-4567": "five five five , one two three , four five six seven",
        "555-1234": "five five five , one two three four",
        "+44 20 7946 0958": "plus four four , two zero , seven nine four six , "
        "zero nine five eight",
        "call 911": "call nine one one",
        "911 cars": "nine hundred eleven cars",
    },
    "abbreviations": {
        "Dr. Smith": "doctor smith",
        "Mulholland Dr.": "mulholland drive",
        "St. Louis": "saint louis",
        "5 Main St. in": "five main street in",
        "Mr. and Mrs. Jones": "mister and misses jones",
        "Prof. X": "professor X",
        "e.g. this": "for example this",
        "i.e. that": "that is that",
        "a, b, etc.": "a , B , et cetera",
        "cats vs. dogs": "cats versus dogs",
        "No. 5": "number five",
        "pp. 12": "pages twelve",
        "Fig. 3": "figure three",
        "the cat sat.": "the cat sat",
        "we say no.": "we say no",
        "with max. 5": "with maximum five",
        "w/o and/or": "without and or",
        "Acme Inc.": "acme incorporated",
        "Ph.D.": "P H D",
        "the U.S. Army": "the U S army",
        "J. R. R. Tolkien": "J R R tolkien",
    },
    "roman numerals": {
        "Chapter IV": "chapter four",
        "World War II": "world war two",
        "WWII": "world war two",
        "Henry VIII": "henry the eighth",
        "Louis XIV's": "louis the fourteenth's",
        "Elizabeth I was": "elizabeth the first was",
        "Mary I love": "mary i love",
        "I am": "i am",
        "the IV": "the iv",
    },
    "addresses": {
        "https://www.example.com/a?b=1": "W W W dot example dot com slash A question mark B "
        "equals one",
        "example.com": "example dot com",
        "john.doe@example.co.uk": "john dot doe at example dot co dot U K",
        "file.txt": "file dot txt",
        "@user #tag": "at user hashtag tag",
    },
    "symbols": {
        "R&D": "R and D",
        "#1": "number one",
        "C# or F#, not AB#": "C sharp or F sharp , not ab hash",
        "a = b": "a equals B",
        "<3": "less than three",
        "km/h": "km slash H",
        "***": "",
        "=====": "",
        "© 2024": "copyright twenty twenty four",
    },
    "letters": {
        "vitamin A": "vitamin A",
        "A cat": "a cat",
        "MP3": "M P three",
        "B2B": "B two B",
        "COVID-19": "covid nineteen",
        "F-16": "F sixteen",
    },
    "scripts": {
        "café naïve Zürich": "cafe naive zurich",
        "straße Łódź Ærø": "strasse lodz aero",
        "Москва": "moskva",
        "π": "pi",
        "Ωmega": "omega mega",
        "λόγος": "logos",
        "日本 ok": "ok",
        "hi 😀👍🏽 there": "hi there",
        "ｆｕｌｌ１２": "full twelve",
        "don’t": "don't",
        "co\u00adop": "coop",
    },
    "pauses": {
        "yes, no": "yes , no",
        "so: it (really) is; ok": "so ; it ; really ; is ; ok",
        'he "said" it': "he said ; it",
        "a — b": "a , B",
        "well-known": "well known",
        "wait... what": "wait . what",
    },
}  # fmt: skip
FLAT = [(text, words) for table in CASES.values() for text, words in table.items()]


@pytest.mark.parametrize(("text", "expected"), FLAT, ids=[text for text, _ in FLAT])
def test_what_is_read(text: str, expected: str) -> None:
    got = spoken(text)
    assert (got.removesuffix(" .") if got != "." else "") == expected


@pytest.mark.parametrize(
    ("text", "mark"), [("Go", "."), ("Go.", "."), ("Go?!", "?"), ("Go!", "!"), ("Go;", ".")]
)
def test_the_last_pause_has_the_mark_of_the_sentence(text: str, mark: str) -> None:
    assert spoken(text) == f"go {mark}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three? Four", ["One.", "Two!", "Three?", "Four"]),
        ("Dr. Who came at 5 p.m. Then he left.", ["Dr. Who came at 5 p.m.", "Then he left."]),
        ("In the U.S. Army. The end.", ["In the U.S. Army.", "The end."]),
        ("It is 3.5 now. OK", ["It is 3.5 now.", "OK"]),
        ('He said "What?" and ran.', ['He said "What?" and ran.']),
        ('"Yes." "No."', ['"Yes."', '"No."']),
        ("Wait... what", ["Wait... what"]),
        ("At 5 p.m. EST we go.", ["At 5 p.m. EST we go."]),
        ("Acme Inc. (ACME) grew.", ["Acme Inc. (ACME) grew."]),
        ("a\nb\n\nc", ["a b", "c"]),
        ("J. R. R. Tolkien, e.g. him.", ["J. R. R. Tolkien, e.g. him."]),
        ("See No. 5. No. Never.", ["See No. 5.", "No.", "Never."]),
        ("こんにちは。Hello.", ["こんにちは。", "Hello."]),
        ("  \x00 \ud800 ", []),
        ("a\x00b", ["a b"]),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert list(split(text)) == expected
