"""Where live audio comes from: the microphone, or a file at its own pace."""

import queue
import sys
from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from edgewright.audio import PIECE_SECONDS, paced, read_pieces

MOST_WAITING = 50
"""Pieces that wait where the program falls behind the microphone."""


def open_source(path: str | None) -> tuple[int, Iterator[NDArray[Any]]]:
    """Return the sample rate and the pieces of a file, or of the microphone without one."""
    return _microphone() if path is None else _file(path)


def sound_device() -> Any:
    """Return the library of microphones and loudspeakers, or end with what is missing."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing
        sys.exit(
            f"sound: got '{error}', expected the package sounddevice (MIT) and PortAudio; "
            "pip install sounddevice, on Debian also apt install libportaudio2 "
            "(captions of a --file need neither)"
        )
    return sounddevice


def _file(path: str) -> tuple[int, Iterator[NDArray[Any]]]:
    rate, pieces = read_pieces(path, PIECE_SECONDS)
    return rate, paced(pieces, rate)


def _microphone() -> tuple[int, Iterator[NDArray[Any]]]:
    devices = sound_device()
    rate = int(devices.query_devices(kind="input")["default_samplerate"])
    heard: queue.Queue[NDArray[Any]] = queue.Queue(MOST_WAITING)

    def take(piece: NDArray[Any], *_: object) -> None:
        try:
            heard.put_nowait(piece.copy())
        except queue.Full:
            print("too slow: a piece is lost", file=sys.stderr)

    def pieces() -> Iterator[NDArray[Any]]:
        size = int(rate * PIECE_SECONDS)
        with devices.InputStream(rate, size, channels=1, dtype="int16", callback=take):
            while True:
                yield heard.get()

    return rate, pieces()
