"""The commands that run a model: one per task of the families."""

import argparse

from edgewright.commands.base import add_json_option, add_load_options
from edgewright.commands.output import emit
from edgewright.errors import UsageError
from edgewright.loading import load
from edgewright.tasks.base import Task


class TaskCommand:
    """`edgewright <task> BUNDLE …`."""

    def __init__(self, task: type[Task]) -> None:
        self._task = task
        self.help = task.help

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add the bundle, what the task takes, and the options of every model."""
        parser.add_argument("bundle", metavar="BUNDLE", help="bundle folder or zip")
        self._task.add_arguments(parser)
        add_load_options(parser)
        add_json_option(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Load the bundle and print the answers as they come."""
        with load(
            args.bundle,
            device=args.device,
            precision=args.precision,
            threads=args.threads,
            strict=not args.no_strict,
        ) as model:
            if model.task is not self._task:
                raise UsageError(
                    f"bundle '{args.bundle}': got family '{model.family}', expected one whose task "
                    f"is '{self._task.key}'; run `edgewright {model.task.key}` instead"
                )
            for record in self._task.run(model, args):
                emit(record, as_json=args.json)
        return 0
