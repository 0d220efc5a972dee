"""The command line: parses, calls a command, and turns errors into exit codes."""

import argparse
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import metadata

from edgewright.commands import COMMANDS
from edgewright.errors import EdgewrightError, PlacementWarning, VariantRejectedWarning

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
BROKEN_PIPE = 141
"""128 + SIGPIPE."""
TERMINATED = 143
"""128 + SIGTERM."""
MISSING_FILE = 3
FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _tolerate_any_file_name()
    try:
        with _plain_warnings(), _orderly_termination():
            args = _parser(arguments).parse_args(arguments)
            code = COMMANDS[args.command].run(args)
            sys.stdout.flush()
            return code
    except EdgewrightError as error:
        return _fail(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output is gone; without this, the interpreter's last flush fails too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except OSError as error:
        return _fail(str(error), MISSING_FILE if isinstance(error, FileNotFoundError) else FAILED)


def _fail(message: str, code: int) -> int:
    print(f"edgewright: error: {message}", file=sys.stderr)
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the command that was called adds its arguments."""
    parser = argparse.ArgumentParser(prog="edgewright", description=_DESCRIPTION)
    parser.add_argument(
        "--version", action="version", version=f"edgewright {metadata.version('edgewright')}"
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    called = next((argument for argument in arguments if not argument.startswith("-")), None)
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(name, help=command.help, description=command.help)
        if name == called:
            command.add_arguments(subparser)
    return parser


_DESCRIPTION = "PyTorch checkpoints to verified bundles, and bundles to answers."


def _tolerate_any_file_name() -> None:
    """Print file names that are no valid text with escapes, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


@contextmanager
def _orderly_termination() -> Iterator[None]:
    """Let SIGTERM unwind the stack, so that what is half-written is removed."""

    def stop(*_: object) -> None:
        raise SystemExit(TERMINATED)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Show warnings as one line on standard error, without the source line that raised them."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        print(f"edgewright: warning: {message}", file=sys.stderr)

    with warnings.catch_warnings():
        warnings.simplefilter("always", PlacementWarning)
        warnings.simplefilter("always", VariantRejectedWarning)
        warnings.showwarning = show
        yield
