"""What is made of a round's answers: conditions and since when, capabilities, figures and warnings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from monitor_svc.figures import Windows, readings_of
from monitor_svc.known import KnownReplicas
from monitor_svc.metrics import LEVELS
from monitor_svc.model import (
    Answer,
    Capability,
    HealthStatus,
    Reading,
    ServiceHealth,
    SystemHealth,
    Transition,
    Warned,
    judge_system,
    transitions_between,
)
from monitor_svc.thresholds import Watchdog
from servicekit.capabilities import Standing, Verdict, judge


@dataclass(frozen=True, slots=True)
class Outcome:
    """One round, what changed with it, and the figures for the history."""

    health: SystemHealth
    transitions: Sequence[Transition]
    warnings: Sequence[Warned]
    readings: Sequence[Reading]


class Judgement:
    """Remembers conditions, windows and warnings from one round to the next.

    Args:
        services: Names of the services, in the order in which they are shown.
        forget_seconds: How long a vanished replica stays listed.
        watchdog: What raises and clears warnings.
    """

    def __init__(self, services: Sequence[str], forget_seconds: float, watchdog: Watchdog) -> None:
        self._known = {name: KnownReplicas(name, forget_seconds) for name in services}
        self._windows = Windows()
        self._watchdog = watchdog
        self._conditions: dict[str, tuple[HealthStatus, float]] = {}
        self._round = 0

    @property
    def suspects(self) -> bool:
        """Whether somebody missed a question for the first time and should be asked again at once."""
        return any(each.suspects for each in self._known.values())

    def restore(
        self, conditions: Mapping[str, tuple[HealthStatus, float]], standing: Sequence[Warned]
    ) -> None:
        """Take over how things stood when the monitor stopped, so that `since` outlives a restart."""
        self._conditions = dict(conditions)
        self._watchdog.restore(standing)

    def judge(
        self, answers: Mapping[str, Sequence[Answer]], *, now: float, took_seconds: float, conclusive: bool
    ) -> Outcome:
        """Make a round of the answers; an inconclusive one counts no misses."""
        services = [
            self._known[name].update(found, now, conclusive=conclusive) for name, found in answers.items()
        ]
        readings = readings_of(services, self._windows, now)
        services = [replace(each, readings=readings[each.name]) for each in services]
        everything = [each for service in services for each in service.readings]
        warnings = self._watchdog.update(everything, now)
        self._round += 1
        health = self._assembled(services, now, took_seconds)
        transitions = self._transitions(health)
        figures = [*everything, Reading("", "health", float(LEVELS[health.status]))]
        return Outcome(self._with_since(health), transitions, warnings, figures)

    def _assembled(self, services: Sequence[ServiceHealth], now: float, took_seconds: float) -> SystemHealth:
        verdicts = judge({service.name: _standing(service) for service in services})
        return SystemHealth(
            round=self._round,
            status=judge_system(services),
            services=tuple(services),
            unreachable=tuple(
                f"{service.name}@{replica.address}"
                for service in services
                for replica in service.replicas
                if not replica.reachable
            ),
            warnings=self._watchdog.standing(),
            check_time=now,
            round_ms=took_seconds * 1000,
            capabilities=tuple(_capability(each) for each in verdicts),
        )

    def _transitions(self, health: SystemHealth) -> list[Transition]:
        """What changed with this round; the conditions are those after it from now on."""
        before = {subject: status for subject, (status, _) in self._conditions.items()}
        transitions = transitions_between(before, health)
        for each in transitions:
            self._conditions[each.service] = (each.new_status, each.time)
        return transitions

    def _with_since(self, health: SystemHealth) -> SystemHealth:
        since = {subject: began for subject, (_, began) in self._conditions.items()}
        return replace(
            health,
            since=since[""],
            services=tuple(replace(each, since=since[each.name]) for each in health.services),
            capabilities=tuple(replace(each, since=since[each.name]) for each in health.capabilities),
        )


def _standing(service: ServiceHealth) -> Standing:
    missing = [
        replica.last_status.missing()
        for replica in service.replicas
        if replica.serves and replica.last_status is not None
    ]
    return Standing(bool(missing), frozenset().union(*missing))


def _capability(verdict: Verdict) -> Capability:
    return Capability(verdict.name, verdict.level.value, verdict.message, 0.0)
