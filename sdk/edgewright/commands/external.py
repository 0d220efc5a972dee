"""Commands of other packages, found by their entry point: `export` needs PyTorch and stays away."""

import argparse
from importlib import metadata

from edgewright.commands.base import Command
from edgewright.errors import MissingDependencyError

GROUP = "edgewright.commands"
EXPORT_LIBRARIES = (
    "edgewright_export",
    "torch",
    "transformers",
    "safetensors",
    "onnx",
    "onnxscript",
)
"""What `edgewright[export]` installs; where one is missing, the install line is the answer."""


class ExternalCommand:
    """A command whose code is imported only when it is called."""

    def __init__(self, name: str, summary: str, install: str) -> None:
        self._name, self._install = name, install
        self.help = summary

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Let the package add what its command takes."""
        self._find().add_arguments(parser)

    def run(self, args: argparse.Namespace) -> int:
        """Run the package's command.

        Raises:
            MissingDependencyError: A library that it needs is not installed.
        """
        try:
            return self._find().run(args)
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in EXPORT_LIBRARIES:
                raise
            raise self._missing(str(error)) from error

    def _find(self) -> Command:
        found = metadata.entry_points(group=GROUP, name=self._name)
        if not found:
            raise self._missing("no package that provides it")
        try:
            command: Command = next(iter(found)).load()()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in EXPORT_LIBRARIES:
                raise
            raise self._missing(str(error)) from error
        return command

    def _missing(self, got: str) -> MissingDependencyError:
        return MissingDependencyError(
            f"command '{self._name}': got {got}, expected it installed; {self._install}"
        )
