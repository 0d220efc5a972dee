"""Sentences to calibrate a voice on: the lines of a file, or a few written for this project."""

from pathlib import Path

from edgewright.errors import InputError, InputNotFoundError
from edgewright.families.front_ends import Language
from edgewright.lines import split_lines

_ENGLISH = (
    "The kettle began to sing before anyone had spoken.",
    "Please leave your umbrella by the door.",
    "Why would a small boat cross such a wide river at night?",
    "Seven grey geese flew over the valley, slowly and without a sound.",
    "Nobody thought of the garden until the roses opened.",
    "Turn left at the church, then follow the narrow street to the harbour.",
    "She measured the flour, added water, and waited.",
    "Is this the train to the coast?",
    "He paid forty two dollars for a chair with three legs.",
    "Thunder rolled behind the hills, but the children kept playing.",
    "A judge should listen first and speak last.",
    "The machine answers quickly, quietly, and always in the same way.",
    "Fresh bread, strong cheese, and a jug of cold milk stood on the table.",
    "What a strange and beautiful noise!",
    "Their journey took longer than either of them had planned.",
    "Goodbye, and thank you for the oranges.",
)
_SPANISH = (
    "El agua empezó a hervir antes de que nadie hablara.",
    "Por favor, deje el paraguas junto a la puerta.",
    "¿Por qué cruzaría de noche un barco pequeño un río tan ancho?",
    "Siete gansos grises volaron sobre el valle, despacio y sin hacer ruido.",
    "Nadie pensó en el jardín hasta que se abrieron las rosas.",
    "Gire a la izquierda en la iglesia y siga la calle estrecha hasta el puerto.",
    "Ella midió la harina, añadió agua y esperó.",
    "¿Es este el tren que va a la costa?",
    "Pagó cuarenta y dos euros por una silla de tres patas.",
    "Tronaba detrás de las colinas, pero los niños siguieron jugando.",
    "Un juez debería escuchar primero y hablar al final.",
    "La máquina responde rápido, en voz baja y siempre de la misma manera.",
    "Pan recién hecho, queso fuerte y una jarra de leche fría estaban sobre la mesa.",
    "¡Qué ruido tan extraño y tan bonito!",
    "El viaje duró más de lo que cualquiera de los dos había planeado.",
    "Adiós, y muchas gracias por las naranjas.",
)
DEFAULT: dict[Language, tuple[str, ...]] = {"en": _ENGLISH, "es": _SPANISH}


def read_texts(path: Path, most: int) -> list[str]:
    """Return up to `most` lines of the UTF-8 file `path` that are not blank.

    Raises:
        InputNotFoundError: There is no such file.
        InputError: It is no text, or has no lines.
    """
    if not path.is_file():
        raise InputNotFoundError(
            f"texts: got '{path}', which is no file, expected one sentence a line; check the path"
        )
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            f"texts: got '{path}', which is not UTF-8 ({error.reason}), expected text; convert it"
        ) from error
    lines = [line for line in split_lines(text) if line.strip()]
    if not lines:
        raise InputError(
            f"texts: got '{path}' without lines, expected one sentence a line; write some"
        )
    return lines[:most]
