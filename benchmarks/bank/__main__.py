"""Measure the bank: `make bench-bank`, and `make bench` for a short run.

A bank with PostgreSQL is filled from a JSON Lines file by `mcai import`, its pages are turned, a second
replica is started beside it, and its index is asked questions in this process, in turn with those of another
size if there are several. COPY, tantivy and FTS5 take the same rows in the same run. With --strict a missed
goal is exit code 1.

    python -m benchmarks.bank [--rows 100000 1000000] [--pairs FILE.jsonl[.gz]] [--strict]
"""

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bank.bare import copy_rate, tantivy_rate
from benchmarks.bank.pairs import pairs, read_json_lines, write_json_lines
from benchmarks.bank.searches import measure_searches
from benchmarks.bank.service import (
    PAGES,
    measure_catch_up,
    measure_import,
    measure_pages,
    memory_of,
    size_bytes,
)
from benchmarks.figures import Figure, report, say
from dataset_svc.settings import DatasetSettings
from servicekit.settings import load
from tests.support.bank_chaos import bank_house

MEGABYTE = 2**20


async def measure_bank(file: Path, rows: int, directory: Path) -> list[Figure]:
    """The figures of a bank of one size; its index is left in `directory`/index."""
    async with bank_house(directory, replicas=1) as house:
        say(f"{rows:,} rows: COPY")
        copied = await asyncio.to_thread(copy_rate, house.url, read_json_lines(file))
        heap_bytes = load(DatasetSettings).index_heap_bytes
        say(f"{rows:,} rows: tantivy")
        bare = await asyncio.to_thread(tantivy_rate, directory / "bare", read_json_lines(file), heap_bytes)
        say(f"{rows:,} rows: import")
        imported = await measure_import(house, file)
        [replica] = house.replicas
        memory = memory_of(replica)
        committed, searchable = rows / imported.committed_seconds, rows / imported.searchable_seconds
        figures = [
            Figure("import, rows/s committed", committed, "rows/s"),
            Figure("import / bare COPY", committed / copied, "x", 0.1, smaller=False),
            Figure("import, rows/s searchable", searchable, "rows/s"),
            Figure("searchable / bare tantivy", searchable / bare, "x", 0.7, smaller=False),
            Figure("memory after it (PSS)", memory.pss, "MB", 350.0),
            Figure("of which no page of the index", memory.own, "MB"),
        ]
        if rows >= PAGES:
            say(f"{rows:,} rows: pages")
            first, last = await measure_pages(replica, rows)
            figures.append(Figure("page 10,000 / page 1", last / first, "x", 1.5))
        memory = memory_of(replica)
        figures += [
            Figure("memory after all (PSS)", memory.pss, "MB", 350.0),
            Figure("of which no page of the index, then", memory.own, "MB"),
        ]
        say(f"{rows:,} rows: second replica")
        caught_up = await measure_catch_up(house)
        figures += [
            Figure("a new replica catches up", caught_up, "s"),
            Figure("its rows/s / bare tantivy", rows / caught_up / bare, "x"),
        ]
    index = directory / "volume" / "replica-1" / "index"
    figures.append(Figure("index on disk", size_bytes(index) / MEGABYTE, "MB"))
    shutil.move(index, directory / "index")
    return figures


async def measure(sizes: Sequence[int], file: Path | None, directory: Path) -> list[Figure]:
    """All figures."""
    figures: list[Figure] = []
    for rows in sizes:
        home = directory / f"{rows}"
        home.mkdir()
        made = home / "pairs.jsonl"
        write_json_lines(pairs(file, rows), made)
        figures += [each.of(f"{rows:,}") for each in await measure_bank(made, rows, home)]
    return figures + await measure_searches([(rows, directory / f"{rows}") for rows in sizes])


def main() -> None:
    """Runs from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000], help="examples, smallest bank first")
    parser.add_argument("--pairs", type=Path, help="JSON Lines of prompt and response; else made-up pairs")
    parser.add_argument("--strict", action="store_true", help="exit 1 on a missed goal")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mcai-bb-") as directory:
        figures = asyncio.run(measure(arguments.rows, arguments.pairs, Path(directory)))
    sys.exit(report("bank", figures, strict=arguments.strict))


if __name__ == "__main__":
    main()
