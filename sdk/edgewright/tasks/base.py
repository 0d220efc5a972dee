"""What a task is: the result type, the command and the metric that families of one kind share."""

import argparse
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar


class Task(ABC):
    """One kind of answer. Its `run` yields frozen records: printed as text, or as JSON."""

    key: ClassVar[str]
    """Name of the command."""
    help: ClassVar[str]
    """What the command does, in one line."""

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
