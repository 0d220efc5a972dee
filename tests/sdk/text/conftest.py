from importlib import resources

import pytest

from edgewright.text import Phonemizer


@pytest.fixture(scope="session")
def text_data() -> tuple[bytes, bytes]:
    folder = resources.files("edgewright_export").joinpath("data", "en")
    names = ("lexicon.xz", "letter_to_sound.xz")
    return tuple(folder.joinpath(name).read_bytes() for name in names)  # type: ignore[return-value]


@pytest.fixture(scope="session")
def phonemize(text_data: tuple[bytes, bytes]) -> Phonemizer:
    return Phonemizer(*text_data)
