"""Thresholds with hysteresis: a warning is raised and cleared only when its figure stays where it is.

It is raised when the figure has been beyond its limit for a while, and cleared when it has been well within
it for a while. What hovers at the limit does neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from monitor_svc.model import Reading, Warned

_BACK: Final = 0.9
"""A figure is well within its limit again when it is a tenth below it, or for a least value above it."""

_MB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Threshold:
    """A limit of one figure; `sentence` is formatted with `value` and `limit`, both times `scale`."""

    figure: str
    limit: float
    sentence: str
    above: bool = True
    scale: float = 1.0

    def beyond(self, value: float) -> bool:
        """Whether a value is worse than the limit."""
        return value > self.limit if self.above else value < self.limit

    def within(self, value: float) -> bool:
        """Whether a value is well within the limit."""
        return value <= self.limit * _BACK if self.above else value >= self.limit / _BACK

    def message(self, reading: Reading) -> str:
        """What is wrong, in one sentence."""
        where = f"{reading.service} at {reading.address}" if reading.address else reading.service
        told = self.sentence.format(value=reading.value * self.scale, limit=self.limit * self.scale)
        return f"{where} {told}"


def thresholds(limits: Mapping[str, float]) -> tuple[Threshold, ...]:
    """The thresholds of all figures that may draw a warning, with their limits by figure."""
    return tuple(
        Threshold(figure, limits[figure], sentence, above, scale)
        for figure, above, scale, sentence in (
            ("resident_bytes", True, 1 / _MB, "uses {value:.0f} MB of memory, above {limit:.0f} MB."),
            ("cpu_percent", True, 1, "uses {value:.0f} % of a core, above {limit:.0f} %."),
            ("error_ratio", True, 100, "fails {value:.1f} % of its requests, above {limit:.1f} %."),
            ("latency_ms", True, 1, "takes {value:.0f} ms for a request, above {limit:.0f} ms."),
            ("queue_depth", True, 1, "has {value:.0f} tasks waiting, above {limit:.0f}."),
            ("queue_age_seconds", True, 1, "has a task waiting for {value:.0f} s, above {limit:.0f} s."),
            ("journal_pending", True, 1, "has {value:.0f} writes waiting in its journal, above {limit:.0f}."),
            ("lag_changes", True, 1, "is {value:.0f} changes behind the bank, above {limit:.0f}."),
            (
                "cache_hit_ratio",
                False,
                100,
                "finds {value:.1f} % of the answers cached, below {limit:.1f} %.",
            ),
            ("disk_free_ratio", False, 100, "has {value:.1f} % of its disk left, below {limit:.1f} %."),
        )
    )


@dataclass(slots=True)
class _Subject:
    """One figure of one service or replica: since when it has been beyond or within, and what stands."""

    beyond_since: float | None = None
    within_since: float | None = None
    standing: Warned | None = None


_Key = tuple[str, str, str]


@dataclass(slots=True)
class Watchdog:
    """Raises and clears warnings; a figure must hold for `hold_seconds` to do either."""

    thresholds: Sequence[Threshold]
    hold_seconds: float
    _subjects: dict[_Key, _Subject] = field(default_factory=dict)

    def restore(self, standing: Sequence[Warned]) -> None:
        """Take over what stood when the monitor stopped."""
        for each in standing:
            self._subjects[each.figure, each.service, each.address] = _Subject(standing=each)

    def standing(self) -> tuple[Warned, ...]:
        """The warnings that stand, the oldest first."""
        found = [each.standing for each in self._subjects.values() if each.standing is not None]
        return tuple(
            sorted(found, key=lambda each: (each.raised_at, each.service, each.address, each.figure))
        )

    def update(self, readings: Sequence[Reading], now: float) -> list[Warned]:
        """Take in a round's figures; returns what was raised, and what was cleared with its time."""
        changed: list[Warned] = []
        by_key = {(each.figure, each.service, each.address): each for each in readings}
        for threshold in self.thresholds:
            keys = {key for key in (*by_key, *self._subjects) if key[0] == threshold.figure}
            for key in sorted(keys):
                change = self._judge(threshold, key, by_key.get(key), now)
                if change is not None:
                    changed.append(change)
        self._subjects = {
            key: each
            for key, each in self._subjects.items()
            if each.standing is not None or each.beyond_since is not None
        }
        return changed

    def _judge(self, threshold: Threshold, key: _Key, reading: Reading | None, now: float) -> Warned | None:
        subject = self._subjects.setdefault(key, _Subject())
        # What is no longer measured, such as a replica that is gone, is no longer beyond its limit.
        within = reading is None or threshold.within(reading.value)
        beyond = reading is not None and threshold.beyond(reading.value)
        subject.beyond_since = (
            (subject.beyond_since if subject.beyond_since is not None else now) if beyond else None
        )
        subject.within_since = (
            (subject.within_since if subject.within_since is not None else now) if within else None
        )
        standing = subject.standing
        if standing is None:
            if reading is None or not self._held(subject.beyond_since, now):
                return None
            message = threshold.message(reading)
            subject.standing = Warned(threshold.figure, reading.service, reading.address, message, now)
            return subject.standing
        if self._held(subject.within_since, now):
            subject.standing = None
            return replace(standing, cleared_at=now)
        if reading is not None and beyond:
            subject.standing = replace(standing, message=threshold.message(reading))
        return None

    def _held(self, since: float | None, now: float) -> bool:
        return since is not None and now - since >= self.hold_seconds
