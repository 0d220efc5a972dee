"""What a task is: the result type, the command and the metric that families of one kind share."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from edgewright.errors import UsageError
from edgewright.runtime import Timings
from edgewright.specs import Array

if TYPE_CHECKING:  # it reads audio files, which other tasks need no library for
    from edgewright.tasks.live import SpeechStream


class Answer(Protocol):
    """What a model returns."""

    @property
    def timings(self) -> Timings:
        """How long its parts took."""


@dataclass(frozen=True)
class Query:
    """One question to a loaded model, which a benchmark asks again and again."""

    input: str
    """What is asked about: the path of a file, a text, or `golden/…` for samples of the bundle."""
    ask: Callable[[], Answer]
    """Asks it, the way that users do."""


@dataclass(frozen=True)
class Recording:
    """Audio that a benchmark plays to streams of a loaded model, again and again."""

    input: str
    """What is played: the path of a file, or `golden/…, golden/…` for samples of the bundle."""
    open: Callable[[float], tuple["SpeechStream", int, Iterator[Array]]]
    """Returns a new stream, the rate of the audio (Hz), and the audio in pieces of so many seconds,
    the last of which may be shorter; there need not be a last one."""


class Task(ABC):
    """One kind of answer. Its `run` yields frozen records: printed as text, or as JSON."""

    key: ClassVar[str]
    """Name of the command."""
    help: ClassVar[str]
    """What the command does, in one line."""
    one_caller: ClassVar[bool] = False
    """Whether a model belongs to one caller at a time."""

    @classmethod
    @abstractmethod
    def add_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add what the command takes besides the bundle and the options of every command."""

    @classmethod
    @abstractmethod
    def run(cls, model: Any, args: argparse.Namespace) -> Iterator[Any]:
        """Answer the command line, record by record.

        Args:
            model: A loaded model of a family of this task.
            args: The parsed arguments.
        """

    @classmethod
    @abstractmethod
    def queries(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Query]:
        """Return what a benchmark asks a model.

        Args:
            model: A loaded model of a family of this task.
            samples: Raw inputs of the bundle's golden samples, by file.
            inputs: What a user asks about instead, as the command takes it; empty for the samples.

        Raises:
            UsageError: The task takes no inputs of that kind.
        """

    @classmethod
    def streams(
        cls, model: Any, samples: Mapping[str, Mapping[str, Array]], inputs: Sequence[str]
    ) -> list[Recording]:
        """Return what a benchmark plays to streams; arguments and inputs are those of `queries`.

        Raises:
            UsageError: The task has no streams.
        """
        raise UsageError(
            "scenario: got 'streaming', which gives audio in pieces, expected a task that hears "
            f"them: a model of the task '{cls.key}' answers whole inputs; use 'single-stream'"
        )


def one_query_each(
    ask: Callable[[Any], Answer],
    samples: Mapping[str, Mapping[str, Array]],
    name: str,
    inputs: Sequence[str],
) -> list[Query]:
    """Return a query for each of `inputs` or, without any, for the array `name` of each sample."""
    given: dict[str, Any] = {path: path for path in inputs}
    given = given or {file: sample[name] for file, sample in samples.items()}
    return [Query(key, partial(ask, value)) for key, value in given.items()]
