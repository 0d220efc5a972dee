"""Peers in a process of their own, whose libraries exclude ours; see `elsewhere_worker`."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from peers.opened import ROOT

LIBRARIES = ROOT / "build" / "peers" / "optimum"
"""What stands in front of our own libraries there; `nox -s pipelines` fills it."""
WORKER = Path(__file__).with_name("elsewhere_worker.py")


class Elsewhere:
    """A peer in another process, on the one core that this process keeps to as long as it lives."""

    def __init__(self, task: str, folder: Path, *, optimum: bool) -> None:
        if not LIBRARIES.is_dir():
            pytest.skip(f"{LIBRARIES.relative_to(ROOT)} is missing: `nox -s pipelines` makes it")
        self._input: Any = None
        self._cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(self._cores)})  # the worker inherits it
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", WORKER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={**os.environ, "PYTHONPATH": str(LIBRARIES)},
        )  # fmt: skip
        self.version = self._tell(task=task, folder=str(folder), optimum=optimum)["version"]

    def __call__(self, given: Any) -> Any:
        """Return the answer about `given`."""
        self._input = given
        return self._tell(input=given, calls=1)["answer"]

    def seconds(self, calls: int) -> float:
        """Return the CPU time of one of so many calls about the last input."""
        return self._tell(input=self._input, calls=calls)["seconds"]

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()
        os.sched_setaffinity(0, self._cores)

    def _tell(self, **question: Any) -> dict[str, Any]:
        print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())
