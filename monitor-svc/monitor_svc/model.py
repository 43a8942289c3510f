"""What is known of the system's health, and the rules that judge it. Times are seconds since the epoch."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum


class HealthStatus(Enum):
    """Condition of a service or of the whole, the worst last."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """The last outcome of one of a replica's own probes."""

    name: str
    healthy: bool
    critical: bool
    message: str
    check_time: float
    latency_ms: float


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """What a replica says of itself; memory in bytes, CPU in per cent of one core."""

    service: str
    hostname: str
    pid: int
    version: str
    start_time: float
    resident_bytes: int
    cpu_percent: float
    requests_total: int
    requests_failed: int
    mean_latency_ms: float
    probes: tuple[ProbeResult, ...]
    degraded: tuple[str, ...]
    serving: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What asking one address brought: a status, or why there is none."""

    address: str
    status: ReplicaStatus | None
    latency_ms: float
    message: str = ""


@dataclass(frozen=True, slots=True)
class ReplicaHealth:
    """What is known of one replica; of a silent one the last status that it reported."""

    address: str
    reachable: bool
    last_status: ReplicaStatus | None
    last_seen_time: float | None
    latency_ms: float
    message: str


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The state of one service over its replicas."""

    name: str
    status: HealthStatus
    replicas: tuple[ReplicaHealth, ...]


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """One round of probes over everything."""

    round: int
    status: HealthStatus
    services: tuple[ServiceHealth, ...]
    unreachable: tuple[str, ...]
    warnings: tuple[str, ...]
    check_time: float
    round_ms: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of condition; an empty service means the whole system."""

    service: str
    old_status: HealthStatus | None
    new_status: HealthStatus
    message: str
    time: float


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Above these a replica draws a warning."""

    resident_bytes: int
    cpu_percent: float


@dataclass(slots=True)
class KnownReplicas:
    """The replicas of one service that have been seen: a silent one is kept until it is forgotten."""

    name: str
    forget_seconds: float
    _replicas: dict[str, ReplicaHealth] = field(default_factory=dict)

    def update(self, answers: Sequence[Answer], now: float) -> ServiceHealth:
        """Take in a round's answers and judge the service."""
        asked = {answer.address for answer in answers}
        for answer in answers:
            self._replicas[answer.address] = self._seen(answer, now)
        for address, known in list(self._replicas.items()):
            if address in asked:
                continue
            # DNS no longer names it: it was scaled away, or it died and will return under another address.
            if now - (known.last_seen_time or 0.0) > self.forget_seconds:
                del self._replicas[address]
            else:
                self._replicas[address] = _silent(known, "It is no longer among the service's addresses.")
        replicas = tuple(self._replicas[address] for address in sorted(self._replicas))
        return ServiceHealth(self.name, judge_service(replicas), replicas)

    def _seen(self, answer: Answer, now: float) -> ReplicaHealth:
        known = self._replicas.get(answer.address)
        if answer.status is not None:
            return ReplicaHealth(answer.address, True, answer.status, now, answer.latency_ms, "")
        if known is None:
            return ReplicaHealth(answer.address, False, None, None, 0.0, answer.message)
        return _silent(known, answer.message)


def _silent(known: ReplicaHealth, message: str) -> ReplicaHealth:
    return ReplicaHealth(known.address, False, known.last_status, known.last_seen_time, 0.0, message)


def judge_service(replicas: Sequence[ReplicaHealth]) -> HealthStatus:
    """UNHEALTHY if no replica serves, DEGRADED if one is silent, not serving or works without something."""
    statuses = [replica.last_status if replica.reachable else None for replica in replicas]
    if not any(status is not None and status.serving for status in statuses):
        return HealthStatus.UNHEALTHY
    whole = all(
        status is not None
        and status.serving
        and not status.degraded
        and all(probe.healthy for probe in status.probes)
        for status in statuses
    )
    return HealthStatus.HEALTHY if whole else HealthStatus.DEGRADED


def judge_system(services: Sequence[ServiceHealth]) -> HealthStatus:
    """The worst condition of any service."""
    order = list(HealthStatus)
    return max((service.status for service in services), key=order.index, default=HealthStatus.UNHEALTHY)


def warnings_of(services: Sequence[ServiceHealth], thresholds: Thresholds) -> tuple[str, ...]:
    """A sentence per exceeded threshold; processes that several services share are counted once."""
    seen: set[tuple[str, int]] = set()
    sentences = []
    for service in services:
        for replica in service.replicas:
            status = replica.last_status
            if not replica.reachable or status is None or (status.hostname, status.pid) in seen:
                continue
            seen.add((status.hostname, status.pid))
            name = f"{service.name} at {replica.address}"
            if status.resident_bytes > thresholds.resident_bytes:
                used, limit = status.resident_bytes / 2**20, thresholds.resident_bytes / 2**20
                sentences.append(f"{name} uses {used:.0f} MB of memory, above {limit:.0f} MB.")
            if status.cpu_percent > thresholds.cpu_percent:
                sentences.append(
                    f"{name} uses {status.cpu_percent:.0f} % CPU, above {thresholds.cpu_percent:.0f} %."
                )
    return tuple(sentences)


def transitions_between(before: SystemHealth | None, after: SystemHealth) -> list[Transition]:
    """What changed from one round to the next; everything is new after the first."""
    old = {service.name: service.status for service in before.services} if before else {}
    found = [
        Transition(service.name, old.get(service.name), service.status, reason(service), after.check_time)
        for service in after.services
        if old.get(service.name) is not service.status
    ]
    if before is None or before.status is not after.status:
        found.append(
            Transition(
                "",
                before.status if before else None,
                after.status,
                f"The system is {after.status.value}.",
                after.check_time,
            )
        )
    return found


def reason(service: ServiceHealth) -> str:
    """Why a service is in its condition, in one sentence."""
    if service.status is HealthStatus.HEALTHY:
        return f"All {len(service.replicas)} replicas of {service.name} serve."
    faults = []
    for replica in service.replicas:
        status = replica.last_status
        if not replica.reachable or status is None:
            faults.append(f"{replica.address} does not answer")
        elif not status.serving:
            faults.append(f"{replica.address} is not serving")
        else:
            failing = [probe.name for probe in status.probes if not probe.healthy]
            missing = sorted({*status.degraded, *failing})
            if missing:
                faults.append(f"{replica.address} works without {', '.join(missing)}")
    return f"{service.name}: {'; '.join(faults) or 'no replica is known'}."
