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
SIGNALLED = 128
"""Plus the number of the signal: 143 for SIGTERM, 129 for SIGHUP."""
MISSING_FILE = 3
FAILED = 1


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name) and return the exit code."""
    arguments = sys.argv[1:] if argv is None else list(argv)
    _replace_closed_streams()
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
        return _fail(
            _words(error), MISSING_FILE if isinstance(error, FileNotFoundError) else FAILED
        )
    except MemoryError as error:
        return _fail(
            f"memory: got {error or 'less than this needs'}, expected enough of it; "
            "pass smaller inputs or close other programs",
            FAILED,
        )


def _fail(message: str, code: int) -> int:
    print(f"edgewright: error: {message}", file=sys.stderr)
    return code


def _words(error: OSError) -> str:
    """Say what the system refused, where no more specific message was made."""
    what = "a file" if error.filename is None else f"'{error.filename}'"
    return (
        f"{what}: got {error.strerror or error}, expected to read or write it; "
        "check the path, its rights and the free space"
    )


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


def _replace_closed_streams() -> None:
    """Write into nothing where a caller closed standard output or error, as services do.

    Python has None there, and `print` to an error stream of None would go to standard output.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123


def _tolerate_any_file_name() -> None:
    """Print file names that are no valid text with escapes, instead of failing on them."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


_ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Windows has no SIGHUP."""


@contextmanager
def _orderly_termination() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack, so that what is half-written is removed."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(SIGNALLED + number)

    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may set handlers
        return
    # What a parent ignores stays ignored: `nohup` does so with SIGHUP.
    signals = [one for one in _ENDING if signal.getsignal(one) != signal.SIG_IGN]
    before = {one: signal.signal(one, stop) for one in signals}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


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
