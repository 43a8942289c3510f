"""Gathers the figures of the rounds into steps for the history: least, mean and greatest of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor_svc.model import Point, Reading

FINE_SECONDS: Final = 15
FINE_PERIOD_SECONDS: Final = 86_400
COARSE_SECONDS: Final = 600
COARSE_PERIOD_SECONDS: Final = 30 * 86_400

# Of several replicas the worst is what matters; the rest are sums or ratios of the whole service already.
_LEAST: Final = frozenset({"disk_free_ratio"})


@dataclass(slots=True)
class _Gathered:
    low: float
    high: float
    total: float
    count: int


@dataclass(slots=True)
class Timeline:
    """The step that is being gathered."""

    _began: float | None = None
    _gathered: dict[tuple[str, str], _Gathered] = field(default_factory=dict)

    def add(self, readings: Sequence[Reading], now: float) -> list[tuple[Reading, Point]]:
        """Take in a round's figures; returns the step before if the round began a new one, else nothing."""
        step = now - now % FINE_SECONDS
        ended = self._ended() if self._began is not None and step != self._began else []
        self._began = step
        worst: dict[tuple[str, str], float] = {}
        for each in readings:
            key = (each.service, each.figure)
            choose = min if each.figure in _LEAST else max
            worst[key] = choose(each.value, worst[key]) if key in worst else each.value
        for key, value in worst.items():
            gathered = self._gathered.get(key)
            if gathered is None:
                self._gathered[key] = _Gathered(value, value, value, 1)
            else:
                gathered.low, gathered.high = min(gathered.low, value), max(gathered.high, value)
                gathered.total, gathered.count = gathered.total + value, gathered.count + 1
        return ended

    def _ended(self) -> list[tuple[Reading, Point]]:
        assert self._began is not None  # noqa: S101 - the caller looked
        ended = []
        for (service, figure), each in self._gathered.items():
            mean = each.total / each.count
            ended.append((Reading(service, figure, mean), Point(self._began, each.low, mean, each.high)))
        self._gathered.clear()
        return ended
