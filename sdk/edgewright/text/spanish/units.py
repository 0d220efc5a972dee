"""Units of measure and currencies of Spanish."""

from typing import NamedTuple


class Unit(NamedTuple):
    """How a unit is read."""

    one: str
    """Behind 1."""
    many: str
    """Behind other numbers."""
    is_feminine: bool = False
    """Whether numbers before it are feminine."""
    minor: tuple[str, str] | None = None
    """Of a currency, one hundredth and several."""


def _table(rows: str) -> dict[str, Unit]:
    units = {}
    for row in rows.strip().splitlines():
        symbols, _, names = row.strip().partition(": ")
        *names_before, gender = names.rsplit(" ", 1)
        one, _, many = names_before[0].partition(", ")
        for symbol in symbols.split():
            units[symbol] = Unit(one, many or _plural(one), gender == "f")
    return units


def _plural(name: str) -> str:
    first, *rest = name.split(" ")
    plural = first + ("es" if first[-1] not in "aeiouáéó" else "s")
    return " ".join((plural, *rest))


UNITS = _table(
    """
    km: kilómetro m
    m: metro m
    cm: centímetro m
    mm: milímetro m
    km/h: kilómetro por hora m
    m/s: metro por segundo m
    m² m2: metro cuadrado, metros cuadrados m
    km² km2: kilómetro cuadrado, kilómetros cuadrados m
    m³ m3: metro cúbico, metros cúbicos m
    kg: kilogramo m
    g: gramo m
    mg: miligramo m
    t: tonelada f
    l L: litro m
    ml mL: mililitro m
    cl: centilitro m
    h: hora f
    min: minuto m
    s seg: segundo m
    ms: milisegundo m
    Hz: hercio m
    kHz: kilohercio m
    MHz: megahercio m
    GHz: gigahercio m
    KB kB: kilobyte, kilobytes m
    MB: megabyte, megabytes m
    GB: gigabyte, gigabytes m
    TB: terabyte, terabytes m
    Mbps: megabit por segundo, megabits por segundo m
    W: vatio m
    kW: kilovatio m
    kWh: kilovatio hora, kilovatios hora m
    V: voltio m
    mAh: miliamperio hora, miliamperios hora m
    A: amperio m
    °C ºC: grado célsius, grados célsius m
    °F ºF: grado fahrenheit, grados fahrenheit m
    °: grado m
    %: por ciento, por ciento m
    ha: hectárea f
    dB: decibelio m
    """
)
"""By what is written."""

CURRENCIES = {
    "€": Unit("euro", "euros", minor=("céntimo", "céntimos")),
    "$": Unit("dólar", "dólares", minor=("centavo", "centavos")),
    "£": Unit("libra", "libras", is_feminine=True, minor=("penique", "peniques")),
    "¥": Unit("yen", "yenes"),
    "MXN": Unit("peso mexicano", "pesos mexicanos", minor=("centavo", "centavos")),
    "ARS": Unit("peso argentino", "pesos argentinos", minor=("centavo", "centavos")),
    "COP": Unit("peso colombiano", "pesos colombianos"),
    "CLP": Unit("peso chileno", "pesos chilenos"),
    "PEN": Unit("sol", "soles", minor=("céntimo", "céntimos")),
    "CHF": Unit("franco suizo", "francos suizos", minor=("céntimo", "céntimos")),
}
"""By sign or code."""
CURRENCY_CODES = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "US$": "$"}
CURRENCY_CODES |= {code: code for code in CURRENCIES}
