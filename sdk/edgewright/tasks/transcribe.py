"""Speech to text: the command."""

import argparse
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any, Protocol

import numpy as np

from edgewright.audio import PIECE_SECONDS, duration, read_pieces
from edgewright.endpointing import EndpointConfig
from edgewright.errors import UsageError
from edgewright.progress import Progress
from edgewright.runtime import Runtime
from edgewright.specs import Array
from edgewright.tasks.base import Query, Recording, Task, one_query_each
from edgewright.tasks.live import Player, SpeechStream
from edgewright.tasks.transcription import DECODINGS, Decoding, Transcription

PAUSE_SECONDS = 1.0
"""Silence behind each of the golden samples that are played: longer than the pause that ends an
utterance."""
HOTWORD_WEIGHT = 5.0
"""Of a `--hotword` without one, natural logarithm."""


class Transcriber(Protocol):
    """A model that this task's command can run."""

    @property
    def runtime(self) -> Runtime:
        """What it runs on."""

    def __call__(
        self,
        audio: str,
        *,
        decoding: Decoding,
        beam_width: int | None,
        hotwords: Mapping[str, float] | None,
        progress: Callable[[float], None] | None,
    ) -> Transcription:
        """Transcribe a file."""

    def stream(
        self,
        *,
        sample_rate: int,
        decoding: Decoding,
        beam_width: int | None,
        hotwords: Mapping[str, float] | None,
        endpoint: EndpointConfig | None,
    ) -> SpeechStream:
        """Listen to audio that comes in pieces."""


def hotword(argument: str) -> tuple[str, float]:
    """Read `WORD` or `WORD=WEIGHT` of the command line.

    Raises:
        argparse.ArgumentTypeError: No word, or a weight that is no number.
    """
    word, equals, weight = argument.partition("=")
    try:
        value = float(weight) if equals else HOTWORD_WEIGHT
    except ValueError:
        value = math.nan
    if not word.strip() or math.isnan(value):
        raise argparse.ArgumentTypeError(
            f"got {argument!r}, expected a word, or a word, '=' and a number; write such as "
            "'extension=5'"
        )
    return word, value


class Transcribe(Task):
    """`edgewright transcribe BUNDLE AUDIO…`."""

    key = "transcribe"
    help = "write down what is said in audio files"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the files and how to decode them."""
        parser.add_argument("audio", metavar="AUDIO", nargs="+", help="WAV, FLAC, Ogg, MP3, …")
        parser.add_argument(
            "--decoding", choices=DECODINGS, default="default",
            help="default: beam search where the bundle has a lexicon, else greedy",
        )  # fmt: skip
        parser.add_argument(
            "--beam-width", type=int, metavar="N", help="prefixes kept (default: the bundle's)"
        )
        parser.add_argument(
            "--hotword", type=hotword, action="append", default=[], metavar="WORD[=WEIGHT]",
            dest="hotwords", help="a word to prefer in a beam search (weight 5: much); repeatable",
        )  # fmt: skip
        live = parser.add_argument_group("streaming")
        live.add_argument(
            "--stream", action="store_true", help="tell words while the audio goes on"
        )
        live.add_argument(
            "--realtime", action="store_true", help="play the audio at its own pace (a stream)"
        )
        live.add_argument(
            "--chunk-ms", type=float, metavar="MS",
            help=f"audio that the stream is given at a time (default: {1e3 * PIECE_SECONDS:g})",
        )  # fmt: skip
        live.add_argument(
            "--pause", type=float, metavar="SECONDS",
            help=f"silence that ends an utterance (default: {EndpointConfig().pause:g})",
        )  # fmt: skip

    @classmethod
    def run(cls, model: Transcriber, args: argparse.Namespace) -> Iterator[Any]:
        """Transcribe the files one by one, whole or as streams."""
        if args.stream or args.realtime:
            return cls._run_streams(model, args)
        for option in ("chunk_ms", "pause"):
            if getattr(args, option) is not None:
                raise UsageError(
                    f"--{option.replace('_', '-')}: got {getattr(args, option):g} for whole files, "
                    "expected it beside --stream or --realtime; add one of them"
                )
        return cls._run_whole(model, args)

    @classmethod
    def _run_streams(cls, model: Transcriber, args: argparse.Namespace) -> Iterator[Any]:
        endpoint = EndpointConfig() if args.pause is None else EndpointConfig(args.pause)

        def open_stream(sample_rate: int) -> SpeechStream:
            return model.stream(
                sample_rate=sample_rate,
                decoding=args.decoding,
                beam_width=args.beam_width,
                hotwords=dict(args.hotwords) or None,
                endpoint=endpoint,
            )

        seconds = PIECE_SECONDS if args.chunk_ms is None else args.chunk_ms / 1e3
        player = Player(open_stream, model.runtime, piece_seconds=seconds, real_time=args.realtime)
        for path in args.audio:
            yield from player.play(path)
        delay = player.emission_delay()
        if delay is not None:
            yield delay

    @classmethod
    def _run_whole(cls, model: Transcriber, args: argparse.Namespace) -> Iterator[Any]:
        """Show progress in seconds of audio."""
        seconds = [duration(path) for path in args.audio]
        known = [one for one in seconds if one is not None]
        total = math.ceil(sum(known)) if len(known) == len(seconds) else None
        done = 0.0
        with Progress() as progress:
            progress.start("Transcribing", total, unit="seconds of audio")

            def advance(current: float) -> None:
                progress.advance_to(math.floor(done + current))

            for path in args.audio:
                answer = model(
                    path,
                    decoding=args.decoding,
                    beam_width=args.beam_width,
                    hotwords=dict(args.hotwords) or None,
                    progress=advance,
                )
                done += answer.duration
                yield answer

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Transcribe audio as the bundle does by default."""
        return one_query_each(model, samples, "waveform", inputs)

    @classmethod
    def streams(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Recording]:
        """Play files at their own rate, each to its end, or the samples without an end.

        A sample is so short that most of its words would be told because it ends. So they follow on
        one another in one stream, each behind a pause, as speech does that a microphone hears.
        """
        if inputs:
            return [Recording(path, partial(_open_file, model, path)) for path in inputs]
        silence = np.zeros(round(PAUSE_SECONDS * model.config.sample_rate), np.float32)
        spoken = [part for sample in samples.values() for part in (sample["waveform"], silence)]
        return [Recording(", ".join(samples), partial(_open_waveform, model, np.hstack(spoken)))]


def _open_file(
    model: Any, path: str, piece_seconds: float
) -> tuple[SpeechStream, int, Iterator[Array]]:
    rate, pieces = read_pieces(path, piece_seconds)
    return model.stream(sample_rate=rate), rate, pieces


def _open_waveform(
    model: Any, waveform: Array, piece_seconds: float
) -> tuple[SpeechStream, int, Iterator[Array]]:
    rate = model.config.sample_rate
    return model.stream(sample_rate=rate), rate, _endless(waveform, round(piece_seconds * rate))


def _endless(waveform: Array, size: int) -> Iterator[Array]:
    """Yield pieces of a waveform that begins anew where it ends."""
    for start in count(0, size):
        yield waveform.take(range(start, start + size), mode="wrap")
