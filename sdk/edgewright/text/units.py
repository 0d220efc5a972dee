"""Units of measure and currencies."""

from typing import NamedTuple


class Unit(NamedTuple):
    """How a unit is read."""

    one: str
    many: str
    needs_touch: bool = False
    """Whether it counts only directly behind the number, because it may be a word."""


def _table(rows: str, *, needs_touch: bool = False) -> dict[str, Unit]:
    units = {}
    for row in rows.strip().splitlines():
        symbols, names = row.split(":")
        one, _, many = names.strip().partition(", ")
        for symbol in symbols.split():
            units[symbol] = Unit(one, many or one + "s", needs_touch)
    return units


UNITS: dict[str, Unit] = {
    **_table(
        """
        km: kilometer
        cm: centimeter
        mm: millimeter
        µm um: micrometer
        nm: nanometer
        mi: mile
        ft: foot, feet
        yd yds: yard
        kg: kilogram
        mg: milligram
        µg: microgram
        lb lbs: pound
        oz: ounce
        ml mL: milliliter
        cl cL: centiliter
        ms: millisecond
        µs us: microsecond
        ns: nanosecond
        sec secs: second
        min mins: minute
        hr hrs: hour
        Hz: hertz, hertz
        kHz: kilohertz, kilohertz
        MHz: megahertz, megahertz
        GHz: gigahertz, gigahertz
        kB KB: kilobyte
        MB: megabyte
        GB: gigabyte
        TB: terabyte
        kbps Kbps: kilobit per second, kilobits per second
        Mbps: megabit per second, megabits per second
        Gbps: gigabit per second, gigabits per second
        W: watt
        kW: kilowatt
        MW: megawatt
        kWh: kilowatt hour
        Wh: watt hour
        V: volt
        mV: millivolt
        kV: kilovolt
        mA: milliamp
        mAh: milliamp hour
        ohm: ohm
        kohm: kilohm
        Mohm: megohm
        kJ: kilojoule
        kPa: kilopascal
        hPa: hectopascal
        dB: decibel
        cal: calorie
        kcal: kilocalorie
        ha: hectare
        px: pixel
        rpm: revolution per minute, revolutions per minute
        fps: frame per second, frames per second
        mph: mile per hour, miles per hour
        mpg: mile per gallon, miles per gallon
        kph km/h: kilometer per hour, kilometers per hour
        m/s: meter per second, meters per second
        km/s: kilometer per second, kilometers per second
        m^2: square meter
        m^3: cubic meter
        km^2: square kilometer
        cm^2: square centimeter
        cm^3: cubic centimeter
        ft^2: square foot, square feet
        °: degree
        °C: degree celsius, degrees celsius
        °F: degree fahrenheit, degrees fahrenheit
        %: percent, percent
        ‰: per mille, per mille
        """
    ),
    "sq ft": Unit("square foot", "square feet"),
    **_table(
        """
        m: meter
        g: gram
        l L: liter
        s: second
        h: hour
        """
    ),
    **_table(
        """
        A: amp
        J: joule
        K: k, k
        k: k, k
        in: inch, inches
        x: times, times
        M: million, million
        pp: percentage point
        bar: bar
        """,
        needs_touch=True,
    ),
}
"""By what is written."""

CURRENCIES: dict[str, tuple[str, str, str, str]] = {
    "$": ("dollar", "dollars", "cent", "cents"),
    "€": ("euro", "euros", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "¥": ("yen", "yen", "", ""),
    "₹": ("rupee", "rupees", "paisa", "paise"),
    "₩": ("won", "won", "", ""),
    "₽": ("ruble", "rubles", "kopeck", "kopecks"),
    "¢": ("cent", "cents", "", ""),
    "CHF": ("swiss franc", "swiss francs", "", ""),
    "CNY": ("yuan", "yuan", "", ""),
    "CAD": ("canadian dollar", "canadian dollars", "cent", "cents"),
    "AUD": ("australian dollar", "australian dollars", "cent", "cents"),
}
"""One, several, one hundredth, several hundredths."""
CURRENCY_CODES = {"USD": "$", "EUR": "€", "GBP": "£", "JPY": "¥", "INR": "₹"}
CURRENCY_CODES |= {code: code for code in CURRENCIES if code.isalpha()}
