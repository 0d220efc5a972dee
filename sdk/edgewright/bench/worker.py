"""A process that holds one side of a comparison: `python -m edgewright.bench.worker`.

It reads lines of JSON and answers each with one: first what to open, then, as often as it is asked,
which queries to time. So both sides may have their own interpreter, and with it their own wheel.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from edgewright.bench.run import (
    Opened,
    describe_build,
    describe_host,
    input_digest,
    open_queries,
    warm_up,
)
from edgewright.errors import EdgewrightError
from edgewright.records import plain


def serve(lines: Iterator[str], out: TextIO) -> int:
    """Open what the first line says and time what the others ask for; return the exit code.

    First line: `bundle`, `variant`, `precision`, `device`, `threads`, `inputs`. Answer: `runtime`,
    `task`, `host`, `build`, `inputs_sha256`. Others: `first`, the number of the first query, and
    `calls`. Answer: `seconds` per call. An `EdgewrightError` is answered with `error` and
    `exit_code`, and ends it.
    """
    try:
        wanted = json.loads(next(lines))
        with open_queries(**{**wanted, "inputs": tuple(wanted["inputs"])}) as opened:
            warm_up(opened.queries)
            _answer(out, _describe(opened))
            _stay_on_few_cores(opened.model.runtime.threads)
            for line in lines:
                asked = json.loads(line)
                seconds = _time(opened.queries, asked["first"], asked["calls"])
                _answer(out, {"seconds": seconds})
    except EdgewrightError as error:
        _answer(out, {"error": str(error), "exit_code": error.exit_code})
        return error.exit_code
    except BrokenPipeError:  # whoever asked is gone
        return 0
    return 0


def _describe(opened: Opened) -> dict[str, Any]:
    runtime = opened.model.runtime
    return {
        "runtime": plain(runtime),
        "task": opened.model.task.key,
        "host": plain(describe_host()),
        "build": plain(describe_build(runtime.provider)),
        "inputs_sha256": input_digest(opened),
    }


def _stay_on_few_cores(threads: int) -> None:
    """Keep the process to the last cores that it may use, as many as it has threads.

    Workers are asked in turns, so that they share these cores and no other difference between
    cores is taken for one between them.
    """
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))[-threads:]
        for task in Path("/proc/self/task").iterdir():  # the threads of the graphs, too
            os.sched_setaffinity(int(task.name), cores)


def _time(queries: list[Any], first: int, calls: int) -> float:
    chosen = [queries[index % len(queries)] for index in range(first, first + calls)]
    chosen[0].ask()  # the others had the caches meanwhile
    began = time.perf_counter()
    for query in chosen:
        query.ask()
    return (time.perf_counter() - began) / calls


def _answer(out: TextIO, answer: dict[str, Any]) -> None:
    print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it ends it
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print is no answer
    sys.exit(serve(iter(sys.stdin), answers))
