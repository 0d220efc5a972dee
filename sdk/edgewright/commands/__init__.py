"""The commands, by name."""

from edgewright.commands.base import Command
from edgewright.commands.bench import BenchCommand
from edgewright.commands.build import BuildCommand
from edgewright.commands.cache import CacheCommand
from edgewright.commands.compare import CompareCommand
from edgewright.commands.doctor import DoctorCommand
from edgewright.commands.external import ExternalCommand
from edgewright.commands.inspect import InspectCommand
from edgewright.commands.pack import PackCommand
from edgewright.commands.profile import ProfileCommand
from edgewright.commands.report import ReportCommand
from edgewright.commands.run_task import TaskCommand
from edgewright.commands.translate import TranslateCommand
from edgewright.commands.verify import VerifyCommand
from edgewright.families import FAMILIES

_INSTALL_EXPORT = "pip install '.[export]' in a checkout"

COMMANDS: dict[str, Command] = {
    "export": ExternalCommand("export", "turn a checkpoint folder into a bundle", _INSTALL_EXPORT),
    **{family.task.key: TaskCommand(family.task) for family in FAMILIES.values()},
    "translate": TranslateCommand(),
    "inspect": InspectCommand(),
    "verify": VerifyCommand(),
    "bench": BenchCommand(),
    "compare": CompareCommand(),
    "report": ReportCommand(),
    "profile": ProfileCommand(),
    "pack": PackCommand(),
    "lint": ExternalCommand(
        "lint", "say which backends accept the graphs of a bundle, and why not", _INSTALL_EXPORT
    ),
    "build": BuildCommand(),
    "cache": CacheCommand(),
    "doctor": DoctorCommand(),
}

__all__ = ["COMMANDS", "Command"]
