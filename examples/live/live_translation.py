"""Speech of another language, played while the speaker goes on.

python examples/live/live_translation.py --asr ASR.edge --mt MT.edge --tts TTS.edge
python examples/live/live_translation.py --asr ASR.edge --mt MT.edge --tts TTS.edge --file A.flac
"""

import argparse
import queue
import threading
from contextlib import suppress

from sources import open_source, sound_device

import edgewright as ew
from edgewright.tasks.speak import Speech
from edgewright.translation import Failed, SessionEvent, SpeechTranslator, Spoken, Turn


class Loudspeaker:
    """Plays pieces of speech one after the other, in a thread of its own."""

    def __init__(self) -> None:
        self._device = sound_device()
        self._waiting: queue.Queue[Speech | None] = queue.Queue()
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
        while (speech := self._waiting.get()) is not None:
            self._device.play(speech.waveform, speech.sample_rate, blocking=True)


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
            SpeechTranslator(asr.stream, mt, tts.sentences).session(
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
