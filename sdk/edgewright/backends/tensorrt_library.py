"""TensorRT and TensorRT-RTX as Python libraries: the import, and what TensorRT logs.

One path of code serves TensorRT 10.3 (JetPack 6) to 11 and TensorRT-RTX; what a version lacks is
asked for by name. The import touches no GPU.
"""

import importlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

from edgewright.backends.facts import TensorRtFlavor
from edgewright.errors import MissingDependencyError

LEAST_VERSION = (10, 3)
"""Of TensorRT: that of JetPack 6."""
MODULES: dict[TensorRtFlavor, tuple[str, ...]] = {
    "tensorrt": ("tensorrt",),
    "tensorrt-rtx": ("tensorrt_rtx", "tensorrt_rtx_bindings"),
}
"""Names under which each is installed."""
MOST_ERRORS = 5
"""Told in one message."""


def import_tensorrt(flavor: TensorRtFlavor) -> Any:
    """Return the module.

    Raises:
        MissingDependencyError: It is not installed, does not load, or is too old.
    """
    errors = []
    for name in MODULES[flavor]:
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError) as error:  # OSError: a library that it needs is missing
            errors.append(str(error))
        else:
            return _checked(flavor, module)
    raise MissingDependencyError(
        f"{flavor}: got '{'; '.join(errors)}', expected an installed library; `edgewright "
        "doctor` has the line that installs it"
    )


def _checked(flavor: TensorRtFlavor, module: Any) -> Any:
    numbers = tuple(int(part) for part in module.__version__.split(".")[:2])
    if flavor == "tensorrt" and numbers < LEAST_VERSION:
        raise MissingDependencyError(
            f"tensorrt: got {module.__version__}, expected {'.'.join(map(str, LEAST_VERSION))} or "
            "later; upgrade it"
        )
    return module


@cache
def quiet_logger(flavor: TensorRtFlavor) -> Any:
    """Return the one logger of this process, which keeps errors for the exceptions to tell.

    TensorRT takes the first logger that it is given for all that follows, so there is one for all
    builders and runtimes, of all threads. `with logger.errors() as errors:` gives a piece of work
    the texts of what is logged in its thread meanwhile, and of what threads of TensorRT's own log,
    which do not tell whom they work for. Each piece of work has a list of its own.
    """
    trt = import_tensorrt(flavor)
    kept = (trt.ILogger.Severity.ERROR, trt.ILogger.Severity.INTERNAL_ERROR)

    class _Logger(trt.ILogger):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self._lists: dict[int, list[str]] = {}  # of the work that goes on, by thread

        @contextmanager
        def errors(self) -> Iterator[list[str]]:
            thread = threading.get_ident()
            errors: list[str] = []
            before = self._lists.get(thread)
            self._lists[thread] = errors
            try:
                yield errors
            finally:
                del self._lists[thread]
                if before is not None:
                    self._lists[thread] = before

        def log(self, severity: Any, message: str) -> None:
            if severity not in kept:
                return
            own = self._lists.get(threading.get_ident())
            for errors in list(self._lists.values()) if own is None else (own,):
                errors.append(" ".join(message.split()))

    return _Logger()


def told(errors: Sequence[str]) -> str:
    """Return what the logger was told, each text once, the first five in words."""
    texts = list(dict.fromkeys(errors))
    more = f" and {len(texts) - MOST_ERRORS} more" if len(texts) > MOST_ERRORS else ""
    return "; ".join(texts[:MOST_ERRORS]) + more or "it gave no reason"
