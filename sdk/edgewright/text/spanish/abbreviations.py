"""Abbreviations of Spanish, and what they stand for."""

from edgewright.text.tables import word_set

ALWAYS = {
    "sr": "señor", "sra": "señora", "srta": "señorita", "sres": "señores", "dr": "doctor",
    "dra": "doctora", "ud": "usted", "uds": "ustedes", "vd": "usted", "vds": "ustedes",
    "lic": "licenciado", "ing": "ingeniero", "prof": "profesor", "profa": "profesora",
    "arq": "arquitecto", "gral": "general", "cap": "capitán", "sto": "santo", "sta": "santa",
    "etc": "etcétera", "pág": "página", "págs": "páginas", "tel": "teléfono",
    "tfno": "teléfono", "av": "avenida", "avda": "avenida", "izq": "izquierda",
    "dcha": "derecha", "der": "derecha", "dpto": "departamento", "depto": "departamento",
    "apto": "apartamento", "cía": "compañía", "hnos": "hermanos", "aprox": "aproximadamente",
    "máx": "máximo", "mín": "mínimo", "vol": "volumen", "ed": "edición", "núm": "número",
    "nro": "número", "admón": "administración", "atte": "atentamente", "art": "artículo",
    "min": "minutos", "seg": "segundos", "ext": "extensión", "hab": "habitación",
    "pl": "plaza", "pza": "plaza", "ctra": "carretera", "km": "kilómetro", "fig": "figura",
    "ej": "ejemplo", "lda": "licenciada", "ldo": "licenciado", "vs": "versus",
    "ene": "enero", "feb": "febrero", "mar": "marzo", "abr": "abril", "jun": "junio",
    "jul": "julio", "ago": "agosto", "sept": "septiembre", "sep": "septiembre",
    "oct": "octubre", "nov": "noviembre", "dic": "diciembre",
}  # fmt: skip
"""What is read for a word with a dot behind it."""
BARE = word_set("sr sra srta dr dra ud uds vd etc núm nro km avda dpto depto tfno admón")
"""Those that are also read without the dot."""
WORDS_TOO = word_set("mar ed ej der cap sep art prof ext min fig pl ing sta sto ene apto")
"""Also ordinary words or units: read as abbreviations only where the sentence goes on."""
PHRASES = {
    "EE. UU.": "estados unidos", "EE.UU.": "estados unidos", "EEUU": "estados unidos",
    "p. ej.": "por ejemplo", "S. A.": "sociedad anónima", "S.A.": "sociedad anónima",
    "C. P.": "código postal", "N.º": "número", "n.º": "número", "Nº": "número", "nº": "número",
    "No.": "número", "c/": "calle", "d. C.": "después de cristo", "a. C.": "antes de cristo",
    "D. ": "don ", "D.ª": "doña", "y/o": "y o", "a. m.": "a eme", "p. m.": "pe eme",
    "a.m.": "a eme", "p.m.": "pe eme",
}  # fmt: skip
"""Abbreviations of several letters with their spaces; No. only before a number."""
POSSIBLY_LAST = word_set("etc uds ud vd vds aprox máx mín izq dcha der min seg cía hnos km atte")
"""The sentence may end with their dot."""
INSIDE = ALWAYS.keys() - POSSIBLY_LAST
"""The sentence goes on after their dot, whatever follows."""
