"""Speech of another language, played while the speaker goes on.

python examples/live/live_translation.py --asr ASR.edge --mt MT.edge --tts TTS.edge
python examples/live/live_translation.py --asr ASR.edge --mt MT.edge --tts TTS.edge --file A.flac
"""

import argparse
import queue
import threading
from contextlib import ExitStack, suppress

from sources import open_source, sound_device

import edgewright as ew
from edgewright.tasks.speak import SpeechChunk
from edgewright.translation import Failed, SessionEvent, SpeechTranslator, Spoken, Turn


class Loudspeaker:
    """Plays pieces of speech one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._device = sound_device()
        self._waiting: queue.Queue[SpeechChunk | None] = queue.Queue()
        self._thread = threading.Thread(target=self._play)
        self._thread.start()

    def hear(self, event: SessionEvent) -> None:
        """Play speech, and print what a turn was."""
        if isinstance(event, Spoken):
            self._waiting.put(event.speech)
        elif isinstance(event, (Turn, Failed)):
            print(event, flush=True)

    def close(self) -> None:
        """Play to the end."""
        self._waiting.put(None)
        self._thread.join()

    def _play(self) -> None:
        """Write chunk behind chunk into one open device, so that no gap is heard between them."""
        with ExitStack() as stack:
            opened = None
            while (speech := self._waiting.get()) is not None:
                if opened is None:
                    opened = stack.enter_context(
                        self._device.OutputStream(
                            samplerate=speech.sample_rate, channels=1, dtype="float32"
                        )
                    )
                opened.write(speech.waveform[:, None])


def main() -> None:
    """Translate until the file or the patience ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("asr", "mt", "tts"):
        parser.add_argument(f"--{name}", required=True, metavar="BUNDLE")
    parser.add_argument("--file", help="an audio file instead of the microphone")
    arguments = parser.parse_args()
    rate, pieces = open_source(arguments.file)
    loudspeaker = Loudspeaker()
    try:
        with (
            ew.load(arguments.asr, threads=1) as asr,
            ew.load(arguments.mt, threads=1) as mt,
            ew.load(arguments.tts, threads=1) as tts,
            SpeechTranslator(asr.stream, mt, tts.stream).session(
                sample_rate=rate, on_event=loudspeaker.hear
            ) as session,
        ):
            for piece in pieces:
                session.feed(piece)
            session.finish()
    finally:
        loudspeaker.close()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        main()
