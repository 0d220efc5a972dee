"""Text in one language to text in another: the translation, and the command."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from edgewright.errors import InputError, UsageError
from edgewright.progress import Progress
from edgewright.runtime import Runtime, Timings
from edgewright.specs import Array
from edgewright.tasks.base import Query, Task
from edgewright.tasks.texts import STDIN, Text, add_texts, given_texts, read_texts


@dataclass(frozen=True)
class Translation:
    """What a text says in the other language."""

    source: str
    """The text that was translated."""
    text: str
    """Its translation."""
    confidence: float
    """Geometric mean of the probabilities of the tokens, 0 to 1: low for a text that is unlike
    those of the training."""
    score: float
    """Sum of their logarithms / length ^ length penalty: what the beam search maximizes."""
    truncated: bool
    """Whether the greatest length ended the translation, so that its end is missing."""
    token_ids: tuple[int, ...]
    """Of the translation, the end of sentence included."""
    timings: Timings
    runtime: Runtime

    def __str__(self) -> str:
        return self.text


class TranslatedText(Protocol):
    """What any translator answers; a `Translation` is one."""

    @property
    def text(self) -> str:
        """The translation."""

    @property
    def confidence(self) -> float:
        """From 0 to 1, how sure the translator is."""

    @property
    def truncated(self) -> bool:
        """Whether its end is missing."""


class Translator(Protocol):
    """Anything that translates: a loaded model of this task, or another engine in its place."""

    def __call__(self, text: str, /) -> TranslatedText:
        """Translate a text.

        Raises:
            InputError: The text cannot be translated.
        """


class BeamTranslator(Protocol):
    """A model that this task's command can run."""

    def __call__(
        self,
        text: str,
        *,
        num_beams: int | None,
        max_new_tokens: int | None,
        length_penalty: float | None,
    ) -> Translation:
        """Translate a text."""


class TranslateText(Task):
    """`edgewright translate-text BUNDLE TEXT…`."""

    key = "translate-text"
    help = "translate texts into another language"

    @classmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the texts and how to search."""
        add_texts(parser, "text to translate; standard input, one text a line, without any")
        parser.add_argument(
            "--file", metavar="LINES.txt",
            help="UTF-8 file, one text a line (blank ones are passed over); - for standard input",
        )  # fmt: skip
        parser.add_argument(
            "--beams", type=int, metavar="N", dest="num_beams",
            help="hypotheses kept, 1 for greedy search (default: the bundle's)",
        )  # fmt: skip
        parser.add_argument(
            "--max-new-tokens", type=int, metavar="N", help="longest translation (default: the "
            "bundle's); a longer one is cut and marked as truncated",
        )  # fmt: skip
        parser.add_argument(
            "--length-penalty", type=float, metavar="X",
            help="above 0 favours longer translations (default: the bundle's)",
        )  # fmt: skip

    @classmethod
    def run(cls, model: BeamTranslator, args: argparse.Namespace) -> Iterator[Any]:
        """Translate the texts one by one, so that each answer has its own latency."""
        texts = _texts(args)
        options = {name: getattr(args, name) for name in _OPTIONS}
        with Progress() as progress:
            progress.start("Translating", len(texts))
            for one in texts:
                try:
                    answer = model(one.text, **options)
                except InputError as error:
                    raise type(error)(f"{one.place}: {error}") from error
                if answer.truncated:
                    print(f"{one.place}: truncated at the greatest length", file=sys.stderr)
                yield answer
                progress.advance()

    @classmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Translate texts as the bundle does by default; without any, those of the samples."""
        sources = (model.source_text(sample["token_ids"]) for sample in samples.values())
        texts = list(dict.fromkeys(inputs or filter(None, sources)))
        if not texts:
            raise UsageError(
                "--input: got none, and the golden samples of the bundle have no letters, expected "
                "texts; name some"
            )
        return [Query(text, partial(model, text)) for text in texts]


_OPTIONS = ("num_beams", "max_new_tokens", "length_penalty")


def _texts(args: argparse.Namespace) -> list[Text]:
    if args.texts and args.file:
        raise UsageError(
            "translate-text: got texts and --file, expected one of them; a TEXT that begins with - "
            "comes last, behind --"
        )
    if args.texts:
        return given_texts(args.texts, "translated")
    return read_texts(args.file or STDIN, "translated")
