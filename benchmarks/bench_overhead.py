"""What `edgewright bench` adds to a bare loop over the same queries.

    python benchmarks/bench_overhead.py build/demo/*.edge

Both loops ask the same number of queries of the same model, in interleaved blocks.
"""

import argparse
from itertools import count

from edgewright.bench.run import open_queries
from edgewright.bench.scenarios import Load, Recorder, SingleStream, Tier
from edgewright.bench.statistics import compare_interleaved
from edgewright.tasks.base import Query

BLOCK_SECONDS = 0.1


def main() -> None:
    """Print the ratio for every bundle of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    for bundle in parser.parse_args().bundles:
        with open_queries(bundle, threads=1) as opened:
            print(bundle, _compare(opened.queries), flush=True)


def _compare(queries: list[Query]) -> str:
    queries[0].ask()
    asked = max(8, int(BLOCK_SECONDS / queries[0].ask().timings.total))

    def bench() -> None:
        load = Load(queries, Tier(asked, 1e-9), workers=1, unloaded=1.0)
        SingleStream().run(load, Recorder(load.tier, lambda share: None))

    def bare() -> None:
        numbers = count()
        for _ in range(asked):
            queries[next(numbers) % len(queries)].ask()

    found = compare_interleaved(bench, bare, calls=1)
    return f"{asked} queries: bench / bare {found}"


if __name__ == "__main__":
    main()
