"""The search inside the service: the indexes that replicas have built, opened here and asked in turn."""

import statistics
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Final

from benchmarks.bank.bare import Fts5
from benchmarks.bank.pairs import read_json_lines
from benchmarks.figures import ROUNDS, Figure, median_ms, percentile_ms, say
from dataset_svc.index import TantivyIndex
from dataset_svc.model import SearchQuery
from dataset_svc.settings import DatasetSettings
from servicekit.settings import load

QUESTIONS: Final = 200
_WORDS: Final = 8


async def measure_searches(banks: Sequence[tuple[int, Path]]) -> list[Figure]:
    """Figures of each bank, given by its size and the directory of its pairs and index, smallest first."""
    heap_bytes = load(DatasetSettings).index_heap_bytes
    async with AsyncExitStack() as stack:
        indexes = []
        for _, directory in banks:
            index = await TantivyIndex.open(directory / "index", heap_bytes=heap_bytes)
            stack.push_async_callback(index.close)
            indexes.append(index)
        smallest, directory = banks[0]
        say(f"searches, and FTS5 of {smallest:,} rows")
        fts5 = Fts5(read_json_lines(directory / "pairs.jsonl"))
        asked = [questions(directory / "pairs.jsonl", rows) for rows, directory in banks]
        times: list[list[list[float]]] = [[[] for _ in range(ROUNDS)] for _ in banks]
        theirs: list[list[float]] = [[] for _ in range(ROUNDS)]
        for number in range(ROUNDS):
            for question_of in zip(*asked, strict=True):
                theirs[number].append(fts5.search(question_of[0]))
                for index, question, ours in zip(indexes, question_of, times, strict=True):
                    started = time.perf_counter()
                    await index.search([SearchQuery(question)])
                    ours[number].append(time.perf_counter() - started)
    faster = Figure("search, times faster than FTS5", _ratio(theirs, times[0]), "x", 2.0, smaller=False)
    return [*_figures(banks, times), faster.of(f"{smallest:,}")]


def questions(file: Path, rows: int) -> list[str]:
    """The first words of prompts from all over a file."""
    step = max(1, rows // QUESTIONS)
    return [" ".join(prompt.split()[:_WORDS]) for prompt, _ in islice(read_json_lines(file), 0, None, step)][
        :QUESTIONS
    ]


def _figures(banks: Sequence[tuple[int, Path]], times: Sequence[list[list[float]]]) -> list[Figure]:
    figures: list[Figure] = []
    for (rows, _), ours in zip(banks, times, strict=True):
        figures += [
            Figure("search, median", median_ms(ours), "ms", 1.0).of(f"{rows:,}"),
            Figure("search, 99th percentile", percentile_ms(ours, 99), "ms", 10.0).of(f"{rows:,}"),
        ]
    if len(banks) > 1:
        figures.append(
            Figure(f"search, {banks[-1][0]:,} / {banks[0][0]:,}", _ratio(times[-1], times[0]), "x")
        )
    return figures


def _ratio(slower: Sequence[Sequence[float]], faster: Sequence[Sequence[float]]) -> float:
    return statistics.median(
        statistics.median(one) / statistics.median(other) for one, other in zip(slower, faster, strict=True)
    )
