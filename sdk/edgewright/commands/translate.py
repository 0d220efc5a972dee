"""`edgewright translate`: recordings in one language, as speech in another."""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from edgewright.audio import PIECE_SECONDS, read_pieces
from edgewright.bench.report.drawing import new_figure
from edgewright.bench.report.waterfalls import draw_waterfalls
from edgewright.commands.base import add_json_option, add_load_options
from edgewright.commands.output import emit
from edgewright.endpointing import EndpointConfig
from edgewright.errors import EdgewrightError, UsageError
from edgewright.loading import load
from edgewright.output_file import check_output, complete_file, output_folder
from edgewright.tasks.speak import WavWriter, check_wav
from edgewright.translation import (
    Failed,
    Listen,
    SessionEvent,
    SpeechTranslation,
    SpeechTranslator,
    Turn,
)
from edgewright.waterfall import Waterfall

PARTS = {"asr": "transcribe", "mt": "translate-text", "tts": "speak"}
"""Options that name a bundle, and the task of each."""


@dataclass(frozen=True)
class Translated:
    """What became of one recording."""

    input: str
    """Path of the recording."""
    transcript: str
    translation: str
    output: str | None
    """Path of the WAV file; none where nothing was spoken."""
    duration: float
    """Seconds of speech."""
    turns: int
    failed: int
    waterfalls: tuple[Waterfall, ...]
    """Of the turns."""
    event: Literal["translated"] = "translated"

    def __str__(self) -> str:
        where = "nothing to say" if self.output is None else f"{self.output}: {self.duration:.2f} s"
        return f"{self.input} → {where}"


class TranslateCommand:
    """Loads three bundles and translates files, turn by turn."""

    help = "translate recordings into speech of another language"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the recordings, the bundles and the output."""
        parser.add_argument("audio", metavar="AUDIO", nargs="+", help="WAV, FLAC, Ogg, MP3, …")
        for name, task in PARTS.items():
            parser.add_argument(
                f"--{name}", metavar="BUNDLE", required=True, help=f"bundle of the task {task}"
            )
        parser.add_argument(
            "-o", "--output", metavar="OUT", required=True,
            help="OUT.wav; with several recordings a folder for a WAV file of each one's name",
        )  # fmt: skip
        parser.add_argument(
            "--realtime", action="store_true", help="play the recordings at their own pace"
        )
        pause = EndpointConfig().pause
        parser.add_argument(
            "--pause", type=float, default=pause, metavar="SECONDS",
            help=f"silence that ends an utterance (default: {pause:g})",
        )  # fmt: skip
        parser.add_argument(
            "--least-confidence", type=float, metavar="X",
            help="do not speak translations below it, 0 to 1 (default: the translator's)",
        )  # fmt: skip
        parser.add_argument(
            "--picture", metavar="OUT.png", help="draw where the time went (extra `report`)"
        )
        add_load_options(parser)
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Translate the recordings one by one; turns are printed as they are spoken."""
        endpoint = EndpointConfig(args.pause)
        for path in args.audio:
            read_pieces(path, PIECE_SECONDS)  # says now where one cannot be read
        outputs = _outputs(args.audio, Path(args.output))
        if args.picture is not None:
            check_output(Path(args.picture))
            new_figure(1.0)  # says now, and not after hours, where matplotlib is missing
        done: list[SpeechTranslation] = []
        with ExitStack() as stack:
            asr, mt, tts = (stack.enter_context(_load(args, name)) for name in PARTS)
            listen: Listen = partial(asr.stream, endpoint=endpoint)
            least = args.least_confidence
            translator = SpeechTranslator(
                listen, mt, tts.stream,
                least_confidence=mt.least_confidence if least is None else least,
            )  # fmt: skip
            for path, output in zip(args.audio, outputs, strict=True):
                done.append(_translate(translator, path, output, args))
        turns = [turn for one in done for turn in one.turns]
        if args.picture is not None:
            _draw(turns, args.picture)
        said_in_vain = not turns and any(one.failed for one in done)
        return EdgewrightError.exit_code if said_in_vain else 0


def _load(args: argparse.Namespace, name: str) -> Any:
    bundle, task = getattr(args, name), PARTS[name]
    model = load(
        bundle,
        device=args.device,
        precision=args.precision,
        threads=args.threads,
        strict=not args.no_strict,
    )
    if model.task.key != task:
        model.close()
        raise UsageError(
            f"--{name}: got bundle '{bundle}' of family '{model.family}', expected one whose task "
            f"is '{task}'; name another bundle"
        )
    return model


def _outputs(audio: list[str], output: Path) -> list[Path]:
    """Return the WAV file of each recording, after checking that they can be made."""
    if len(audio) == 1:
        return [_beside(check_wav(output), audio)]
    names = [f"{Path(path).stem}.wav" for path in audio]
    if len(set(names)) != len(names):
        raise UsageError(
            f"audio: got several files of one name {sorted(names)[:3]}, expected different ones; "
            "translate them one by one"
        )
    folder = output_folder(output, len(audio))
    return [_beside(folder / name, audio) for name in names]


def _beside(output: Path, audio: list[str]) -> Path:
    """Return `output` where it is none of the recordings."""
    if output.exists() and any(Path(path).exists() and output.samefile(path) for path in audio):
        raise UsageError(
            f"output: got '{output}', which is one of the recordings, expected another file; "
            "name another folder"
        )
    return output


def _translate(
    translator: SpeechTranslator, path: str, output: Path, args: argparse.Namespace
) -> SpeechTranslation:
    def show(event: SessionEvent) -> None:
        if isinstance(event, (Turn, Failed)):
            emit(event, as_json=args.json)

    answer = translator(path, real_time=args.realtime, on_event=show)
    if answer.waveform.size:
        with WavWriter(output, answer.sample_rate) as writer:
            writer.write(answer.waveform)
    duration = answer.waveform.size / answer.sample_rate if answer.sample_rate else 0.0
    written = str(output) if answer.waveform.size else None
    emit(
        Translated(
            input=path,
            transcript=answer.transcript,
            translation=answer.translation,
            output=written,
            duration=duration,
            turns=len(answer.turns),
            failed=len(answer.failed),
            waterfalls=tuple(turn.waterfall for turn in answer.turns),
        ),
        as_json=args.json,
    )
    return answer


def _draw(turns: list[Turn], path: str) -> None:
    if not turns:
        print(f"picture: no turn was spoken, so '{path}' is not written", file=sys.stderr)
        return
    with complete_file(path) as file:
        file.write_bytes(draw_waterfalls(turns))
