"""Captions of what a microphone hears, or of a file played at its own pace.

python examples/live_captions/live_captions.py build/demo/conformer-ctc-en.edge
python examples/live_captions/live_captions.py build/demo/conformer-ctc-en.edge --file prompt.flac
"""

import argparse
import queue
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import numpy as np
from numpy.typing import NDArray

import edgewright as ew
from edgewright.audio import read_pieces
from edgewright.tasks.transcription import Event, Final

PIECE_SECONDS = 0.1
MOST_WAITING = 50
"""Pieces that wait where the recognizer falls behind."""
CLEAR_LINE = "\r\x1b[K"


def from_file(path: str) -> tuple[int, Iterator[NDArray[Any]]]:
    """Return the rate of a file, and its pieces as time goes by."""
    rate, pieces = read_pieces(path, PIECE_SECONDS)

    def paced() -> Iterator[NDArray[Any]]:
        due = time.perf_counter()
        for piece in pieces:
            due += len(piece) / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            yield piece

    return rate, paced()


def from_microphone() -> tuple[int, Iterator[NDArray[Any]]]:
    """Return the rate of the default microphone, and its pieces until ctrl-C."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: PortAudio itself is missing
        sys.exit(
            f"microphone: got '{error}', expected the package sounddevice (MIT) and PortAudio; "
            "pip install sounddevice, on Debian also apt install libportaudio2, or pass --file"
        )
    rate = int(sounddevice.query_devices(kind="input")["default_samplerate"])
    heard: queue.Queue[NDArray[Any]] = queue.Queue(MOST_WAITING)

    def pieces() -> Iterator[NDArray[Any]]:
        def take(piece: NDArray[Any], *_: object) -> None:
            try:
                heard.put_nowait(piece.copy())
            except queue.Full:
                print("too slow: a piece is lost", file=sys.stderr)

        size = int(rate * PIECE_SECONDS)
        with sounddevice.InputStream(rate, size, channels=1, dtype="int16", callback=take):
            while True:
                yield heard.get()

    return rate, pieces()


def show(event: Event) -> None:
    """Write a caption: a partial one over the last on a terminal, a final one to stay."""
    clear = CLEAR_LINE if sys.stdout.isatty() else ""
    if isinstance(event, Final):
        print(f"{clear}{event.text}", flush=True)
    elif clear:
        print(f"{clear}… {event.text}", end="", flush=True)


def main() -> None:
    """Listen until the file or the patience ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", help="of a recognizer")
    parser.add_argument("--file", help="an audio file instead of the microphone")
    arguments = parser.parse_args()
    rate, pieces = from_microphone() if arguments.file is None else from_file(arguments.file)
    with (
        ew.load(arguments.bundle, threads=1) as recognizer,
        recognizer.stream(sample_rate=rate) as stream,
    ):
        for piece in pieces:
            for event in stream.feed(np.ascontiguousarray(piece)):
                show(event)
        for event in stream.finish():
            show(event)


def run() -> None:
    """Let ctrl-C end the listening; what was not final is dropped."""
    with suppress(KeyboardInterrupt):
        main()


if __name__ == "__main__":
    run()
