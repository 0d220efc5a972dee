"""Silence of the libraries that the export calls; what matters is raised as an error instead."""

import contextlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read once, when transformers is imported
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


@contextlib.contextmanager
def quiet_libraries() -> Iterator[None]:
    """Hold back log lines, warnings and progress bars of torch, transformers and onnxruntime.

    Standard output belongs to the results of the command line, so anything printed goes to
    standard error.
    """
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sys.stderr):
            warnings.simplefilter("ignore")
            with _without_progress_bars():
                yield
    finally:
        logging.disable(level)


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    from transformers.utils import logging as transformers_logging

    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]
