"""Lines of text files."""


def split_lines(text: str) -> list[str]:
    r"""Return the lines of a text, which end with \n or \r\n and with nothing else.

    `str.splitlines` also cuts at form feeds, U+2028 and others, which may stand inside a line.
    """
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    return lines if lines[-1] else lines[:-1]
