"""What `edgewright bench` adds to a bare loop over the same queries.

    python benchmarks/bench_overhead.py build/demo/*.edge

Both loops ask the same number of queries of the same model, in interleaved blocks, and are timed by
the CPU time of their thread. As in a run of `bench`, the queries of a block are enough before its
seconds are.
"""

import argparse
import time
from itertools import count

import numpy as np

from edgewright.bench.run import WARMUP, open_queries
from edgewright.bench.scenarios import Load, Recorder, SingleStream, Tier
from edgewright.bench.statistics import compare_interleaved
from edgewright.tasks.base import Query

BLOCK_SECONDS = 0.25
"""What is made once in a run counts little behind so many queries."""
SECONDS_SHARE = 0.5
"""Of a block, after which the tier's seconds are over and every query may be the last. All of it
would make a faster block than the first calls promised a longer one."""


def main() -> None:
    """Print the ratio for every bundle of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    for bundle in parser.parse_args().bundles:
        with open_queries(bundle, threads=1) as opened:
            print(bundle, _compare(opened.queries), flush=True)


def _compare(queries: list[Query]) -> str:
    seconds = float(np.median([one.ask().timings.total for one in queries for _ in range(WARMUP)]))
    asked = max(8, int(BLOCK_SECONDS / seconds))
    tier = Tier(asked, SECONDS_SHARE * asked * seconds)

    def bench() -> None:
        recorder = Recorder(tier, lambda share: None)
        SingleStream().run(Load(queries, tier, workers=1, unloaded=seconds), recorder)

    def bare() -> None:
        numbers = count()
        for _ in range(asked):
            queries[next(numbers) % len(queries)].ask()

    found = compare_interleaved(bench, bare, calls=1, clock=time.thread_time)
    return f"{asked} queries of {1e6 * seconds:.0f} µs: bench / bare {found}"


if __name__ == "__main__":
    main()
