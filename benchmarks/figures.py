"""Figures of a benchmark: measured, compared with their goals, printed and kept."""

import json
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

RESULTS = Path(__file__).parent / "results"
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure and its goal, if it has one; `smaller` says on which side of it it is met."""

    name: str
    value: float
    unit: str
    goal: float | None = None
    smaller: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is reached; a figure without one cannot miss it."""
        if self.goal is None:
            return True
        return self.value <= self.goal if self.smaller else self.value >= self.goal

    def of(self, subject: str) -> "Figure":
        """Returns the figure under a name that says of what it is."""
        return replace(self, name=f"{subject}: {self.name}")


def say(what: str) -> None:
    """Tells whoever waits what is being done."""
    print(what, file=sys.stderr, flush=True)


def median_ms(rounds: Sequence[Sequence[float]]) -> float:
    """Median over the rounds of each round's median, in milliseconds."""
    return statistics.median(statistics.median(each) for each in rounds) * 1000


def percentile_ms(rounds: Sequence[Sequence[float]], percent: int) -> float:
    """Median over the rounds of each round's percentile, in milliseconds."""
    return statistics.median(statistics.quantiles(each, n=100)[percent - 1] for each in rounds) * 1000


def report(benchmark: str, figures: Sequence[Figure], *, strict: bool) -> int:
    """Prints a row per figure, writes them as JSON, and returns the exit code."""
    for each in figures:
        print(f"{each.name:56} {each.value:10.2f} {each.unit:7} {_verdict(each)}".rstrip())
    RESULTS.mkdir(exist_ok=True)
    body = [{**asdict(each), "met": each.met} for each in figures]
    (RESULTS / f"{benchmark}.json").write_text(json.dumps(body, indent=2) + "\n")
    return int(strict and not all(each.met for each in figures))


def _verdict(figure: Figure) -> str:
    if figure.goal is None:
        return ""
    sign, verdict = ("<=" if figure.smaller else ">="), ("met" if figure.met else "missed")
    return f"goal {sign} {figure.goal:g}: {verdict}"
