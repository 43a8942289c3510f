"""The replicas of one service that have been seen, and when a silent one counts as away.

One question without an answer proves nothing on a busy machine, so a replica that has answered before is away
only after two in a row; the second is asked at once, on a fresh connection. What a monitor that was itself
held up did not hear does not count, twice in a row at the most.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from monitor_svc.model import Answer, ReplicaHealth, ServiceHealth, judge_service

MISSES_TO_BE_AWAY: Final = 2
MAX_INCONCLUSIVE: Final = 2

_VANISHED: Final = "It is no longer among the service's addresses."


@dataclass(slots=True)
class KnownReplicas:
    """The replicas of one service.

    One that DNS no longer names was scaled away, or it died and will return, perhaps at another address: it
    stays listed as silent for `forget_seconds`, or until a newcomer takes its place.
    """

    name: str
    forget_seconds: float
    _replicas: dict[str, ReplicaHealth] = field(default_factory=dict)
    _inconclusive: int = 0

    @property
    def suspects(self) -> bool:
        """Whether some replica has missed one question and should be asked again at once."""
        return any(0 < each.misses < MISSES_TO_BE_AWAY and each.reachable for each in self._replicas.values())

    def update(self, answers: Sequence[Answer], now: float, *, conclusive: bool = True) -> ServiceHealth:
        """Take in a round's answers and judge the service; an inconclusive round counts no misses."""
        self._inconclusive = 0 if conclusive else self._inconclusive + 1
        counts = conclusive or self._inconclusive > MAX_INCONCLUSIVE
        asked = {answer.address for answer in answers}
        newcomers = sum(answer.address not in self._replicas for answer in answers if answer.status)
        for answer in answers:
            self._replicas[answer.address] = self._heard(answer, now, counts=counts)
        self._let_go(asked, newcomers, now)
        replicas = tuple(self._replicas[address] for address in sorted(self._replicas))
        return ServiceHealth(self.name, judge_service(replicas), replicas)

    def _heard(self, answer: Answer, now: float, *, counts: bool) -> ReplicaHealth:
        known = self._replicas.get(answer.address)
        if answer.status is not None:
            since = known.since if known is not None and known.reachable else now
            return ReplicaHealth(answer.address, True, answer.status, now, answer.latency_ms, "", since)
        if known is None:
            return ReplicaHealth(answer.address, False, None, None, 0.0, answer.message, now, misses=1)
        misses = known.misses + counts
        if known.reachable and misses < MISSES_TO_BE_AWAY:
            return replace(known, misses=misses)
        return _away(known, answer.message, now, misses)

    def _let_go(self, asked: set[str], newcomers: int, now: float) -> None:
        vanished = [each for each in self._replicas.values() if each.address not in asked]
        vanished.sort(key=lambda each: each.last_seen_time or 0.0)
        for number, known in enumerate(vanished):
            overdue = now - (known.last_seen_time or 0.0) > self.forget_seconds
            if known.last_status is None or overdue or number < newcomers:
                del self._replicas[known.address]
            else:
                self._replicas[known.address] = _away(known, _VANISHED, now, known.misses)


def _away(known: ReplicaHealth, message: str, now: float, misses: int) -> ReplicaHealth:
    since = now if known.reachable else known.since
    return replace(known, reachable=False, latency_ms=0.0, message=message, since=since, misses=misses)
