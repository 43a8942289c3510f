"""What a user can do at this moment: chat, search, write and tasks, judged from how the services stand.

| capability | needs | works with less while |
|---|---|---|
| chat | gateway, and one of dataset-svc and knowledge-svc | the other one or a store behind them is away |
| search | gateway, dataset-svc | PostgreSQL is away |
| write | gateway, dataset-svc | PostgreSQL is away: journalled, replayed exactly once |
| tasks | gateway, task-svc | the broker, the workers or PostgreSQL are away |

The monitor judges by it, and the gateway while the monitor is away.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

GATEWAY: Final = "gateway"
KNOWLEDGE: Final = "knowledge-svc"
DATASET: Final = "dataset-svc"
TASK: Final = "task-svc"


class Level(enum.Enum):
    """How much of a capability there is, the worst last."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a service stands: whether any replica serves, and what its replicas work without."""

    serving: bool
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One capability; `message` says what its lack costs, empty if nothing lacks."""

    name: str
    level: Level
    message: str


_NO_GATEWAY: Final = "No gateway serves."
# What the user feels of something that a service works without, by capability.
_COSTS: Final[Mapping[tuple[str, str], str]] = {
    ("chat", "redis"): "Answers are cached by each replica for itself.",
    ("chat", "postgres"): "Messages are journalled; conversations are read again when PostgreSQL is back.",
    ("search", "postgres"): "What other replicas journalled is found when PostgreSQL is back.",
    ("write", "postgres"): "Single examples, messages and feedback are journalled; imports are refused.",
    ("tasks", "postgres"): "New tasks are journalled and begin when PostgreSQL is back.",
    ("tasks", "broker"): "Tasks run in the local pool of task-svc.",
}


def judge(standings: Mapping[str, Standing]) -> tuple[Verdict, ...]:
    """Returns the verdicts in a fixed order; a service that is not among the standings is taken to serve."""
    return (
        _chat(standings),
        _leaning("search", DATASET, "The bank is away: nothing can be searched.", standings),
        _leaning(
            "write",
            DATASET,
            "The bank is away: examples are refused; messages and feedback wait in the gateway's journal.",
            standings,
        ),
        _leaning("tasks", TASK, "No task-svc serves: tasks are refused.", standings),
    )


def _chat(standings: Mapping[str, Standing]) -> Verdict:
    bank, cache = _serving(standings, DATASET), _serving(standings, KNOWLEDGE)
    if not _serving(standings, GATEWAY):
        return Verdict("chat", Level.DOWN, _NO_GATEWAY)
    if not bank and not cache:
        return Verdict("chat", Level.DOWN, "Neither the bank nor the cache serves.")
    costs = _costs("chat", standings, (KNOWLEDGE, DATASET))
    if not bank:
        costs.insert(0, "The bank is away: only answers that are cached are given.")
    if not cache:
        costs.insert(0, "The cache is away: every question is worked out anew.")
    return _degraded_by("chat", costs)


def _leaning(name: str, service: str, without: str, standings: Mapping[str, Standing]) -> Verdict:
    """Judges a capability that one service gives by itself."""
    if not _serving(standings, GATEWAY):
        return Verdict(name, Level.DOWN, _NO_GATEWAY)
    if not _serving(standings, service):
        return Verdict(name, Level.DOWN, without)
    return _degraded_by(name, _costs(name, standings, (service,)))


def _degraded_by(name: str, costs: list[str]) -> Verdict:
    return Verdict(name, Level.DEGRADED if costs else Level.OK, " ".join(costs))


def _costs(name: str, standings: Mapping[str, Standing], services: Iterable[str]) -> list[str]:
    # That a service works without another one is judged by how that one itself stands.
    missing = {
        (service, each)
        for service in services
        for each in (standings[service].missing if service in standings else ())
        if each not in standings
    }
    sentences = [
        _COSTS.get((name, each), f"{service} works without {each}.") for service, each in sorted(missing)
    ]
    return list(dict.fromkeys(sentences))


def _serving(standings: Mapping[str, Standing], service: str) -> bool:
    return service not in standings or standings[service].serving
