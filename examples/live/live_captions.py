"""Captions of what a microphone hears, or of a file played at its own pace.

python examples/live/live_captions.py build/demo/conformer-ctc-en.edge
python examples/live/live_captions.py build/demo/conformer-ctc-en.edge --file prompt.flac
"""

import argparse
import sys
from contextlib import suppress

from sources import open_source

import edgewright as ew
from edgewright.tasks.transcription import Event, Final

CLEAR_LINE = "\r\x1b[K"


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
    rate, pieces = open_source(arguments.file)
    with (
        ew.load(arguments.bundle, threads=1) as recognizer,
        recognizer.stream(sample_rate=rate) as stream,
    ):
        for piece in pieces:
            for event in stream.feed(piece):
                show(event)
        for event in stream.finish():
            show(event)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):  # what is not final is dropped
        main()
