"""Exports the shipped checkpoints, verifies the bundles, runs them on real input.

    python examples/demo/demo.py [--output build/demo] [--stop-after export]

Prints one table; writes `<output>/*.edge`, `<output>/results.json` and `<output>/demo.png`. Any
failure ends it with a non-zero code and one line.
"""

import argparse
import signal
import sys
import traceback
from pathlib import Path

from edgewright.errors import EdgewrightError

ROOT = Path(__file__).resolve().parents[2]
INTERRUPTED = 130
TERMINATED = 143


def main() -> int:
    """Run the demo; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "demo")
    parser.add_argument("--stop-after", choices=["export"])
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))  # unwinds: nothing half-written
    try:
        from stages import run  # imports PyTorch: here, so that ctrl-C ends that with a line, too

        run(args.output, only_export=args.stop_after == "export")
    except EdgewrightError as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return error.exit_code
    except (OSError, ImportError) as error:
        print(f"demo: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("demo: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - of PyTorch, or out of memory: one line, too
        reason = traceback.format_exception_only(error)[0].partition("\n")[0]
        print(f"demo: error: {reason}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
