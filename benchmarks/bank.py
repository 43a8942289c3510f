"""Measure the bank: `make bench`.

Our search and SQLite's FTS5 answer the same questions in turn, in the same run, since times of different runs
say little on a shared machine. Each figure is the median of five rounds. With --strict a
missed goal is exit code 1.

    python benchmarks/bank.py [--pairs FILE.jsonl[.gz]] [--rows 20000]
"""

import argparse
import asyncio
import gzip
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry

from dataset_svc.__main__ import running
from dataset_svc.index import TantivyIndex
from dataset_svc.model import Example, SearchQuery
from dataset_svc.settings import DatasetSettings
from mcai.dataset.v1 import dataset_pb2, dataset_pb2_grpc
from mcai_cli.reading.model import Row
from mcai_cli.service_bank import ServiceBank
from servicekit import logs
from servicekit.channel import open_channel
from servicekit.settings import load

RESULTS = Path(__file__).parent / "results"
ROUNDS = 5
QUESTIONS = 200
BATCH_ROWS = 1_000
SERVICES = [dataset_pb2.DESCRIPTOR.services_by_name["DatasetService"]]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and its goal; `smaller` says on which side of the goal it is met."""

    name: str
    value: float
    unit: str
    goal: float
    smaller: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.smaller else self.value >= self.goal


def pairs(path: Path | None, rows: int) -> Iterator[tuple[str, str]]:
    """Pairs of a JSON Lines file, or made-up ones of a Zipf-like vocabulary, always the same."""
    if path is not None:
        with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
            for _, line in zip(range(rows), file, strict=False):
                row = json.loads(line)
                yield row["prompt"], row["response"]
        return
    source = random.Random(7)  # noqa: S311 - a benchmark's rows, not a secret
    words = [f"w{int(source.paretovariate(0.6)) % 60_000}x" for _ in range(500_000)]
    for number in range(rows):
        yield " ".join(source.sample(words, 9)) + f" {number}", " ".join(source.sample(words, 60))


def median_ms(rounds: list[list[float]]) -> float:
    """Median over the rounds of each round's median, in milliseconds."""
    return statistics.median(statistics.median(each) for each in rounds) * 1000


async def measure_search(examples: list[Example], directory: Path) -> list[Figure]:
    """Time our search and FTS5 in turn over the same examples and questions."""
    index = await TantivyIndex.open(directory / "index", heap_bytes=15_000_000)
    await index.replace(_snapshot(examples))
    table = sqlite3.connect(":memory:")
    table.execute("CREATE VIRTUAL TABLE fts USING fts5(prompt, response, tokenize='porter unicode61')")
    table.executemany("INSERT INTO fts VALUES (?, ?)", [(each.prompt, each.response) for each in examples])
    step = max(1, len(examples) // QUESTIONS)
    questions = [" ".join(each.prompt.split()[:8]) for each in examples[::step]][:QUESTIONS]
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for _ in range(ROUNDS):
        ours.append([])
        theirs.append([])
        for question in questions:
            started = time.perf_counter()
            await index.search([SearchQuery(question)])
            ours[-1].append(time.perf_counter() - started)
            theirs[-1].append(_timed(lambda text=question: _fts(table, text)))  # type: ignore[misc]  # bound now
    table.close()
    await index.close()
    return [
        Figure("search, median", median_ms(ours), "ms", 5.0),
        Figure("search, times faster than SQLite FTS5", median_ms(theirs) / median_ms(ours), "x", 2.0, False),
    ]


async def _snapshot(examples: list[Example]) -> AsyncIterator[tuple[int, list[Example]]]:
    yield len(examples), examples


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _fts(table: sqlite3.Connection, question: str) -> object:
    terms = " OR ".join(f'"{word}"' for word in question.replace('"', " ").split())
    return table.execute(
        "SELECT rowid, bm25(fts) FROM fts WHERE fts MATCH ? ORDER BY bm25(fts) LIMIT 10", (terms,)
    ).fetchall()


async def measure_import(rows: list[Row], directory: Path) -> list[Figure]:
    """Time an import over gRPC into SQLite and the index, and how much memory it takes."""
    settings = load(
        DatasetSettings, listen=f"unix:{directory}/d.sock", data_dir=directory / "bank", load_starter=False
    )
    process = psutil.Process()
    async with running(settings, CollectorRegistry()) as server:
        channel = open_channel(server.address, services=SERVICES, token=None, timeout_seconds=60)
        async with channel:
            bank = ServiceBank(dataset_pb2_grpc.DatasetServiceStub(channel))
            await bank.add("first", 0, in_batches(rows[:BATCH_ROWS]))
            quarter = len(rows) // 4
            started = time.perf_counter()
            await bank.add("begun", 0, in_batches(rows[BATCH_ROWS:quarter]))
            memory = process.memory_info().rss
            await bank.add("rest", 0, in_batches(rows[quarter:]))
            seconds = time.perf_counter() - started
            grown = (process.memory_info().rss - memory) / 2**20
    return [
        Figure("import, rows a second", (len(rows) - BATCH_ROWS) / seconds, "rows/s", 2_000.0, False),
        Figure("memory grown over the last three quarters", grown, "MB", 50.0),
    ]


async def in_batches(rows: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    """The rows as messages take them."""
    for first in range(0, len(rows), BATCH_ROWS):
        yield rows[first : first + BATCH_ROWS]


async def measure(path: Path | None, rows: int) -> list[Figure]:
    """All figures."""
    found = list(pairs(path, rows))
    examples = [
        Example(f"{number:08}", "bench", prompt, response, "{}", 0.0, 0.0)
        for number, (prompt, response) in enumerate(found)
    ]
    with tempfile.TemporaryDirectory(prefix="mcai-bench-") as directory:
        figures = await measure_search(examples, Path(directory))
        to_import = [
            Row(prompt, response, f"{number}", "bench") for number, (prompt, response) in enumerate(found)
        ]
        return figures + await measure_import(to_import, Path(directory))


def main() -> int:
    """Print a row per figure, write them as JSON, and return the exit code."""
    parser = argparse.ArgumentParser(description="Measure the bank.")
    parser.add_argument("--pairs", type=Path, help="JSON Lines of prompt and response; else made-up pairs")
    parser.add_argument("--rows", type=int, default=20_000, help="examples in the bank")
    parser.add_argument("--strict", action="store_true", help="exit 1 on a missed goal")
    arguments = parser.parse_args()
    logs.configure("WARNING", "console")
    figures = asyncio.run(measure(arguments.pairs, arguments.rows))
    for each in figures:
        sign, verdict = ("<=" if each.smaller else ">="), ("met" if each.met else "missed")
        print(f"{each.name:44} {each.value:12.2f} {each.unit:7} goal {sign} {each.goal:g}: {verdict}")
    RESULTS.mkdir(exist_ok=True)
    body = [{**asdict(each), "met": each.met} for each in figures]
    (RESULTS / "bank.json").write_text(json.dumps(body, indent=2) + "\n")
    return int(arguments.strict and not all(each.met for each in figures))


if __name__ == "__main__":
    sys.exit(main())
