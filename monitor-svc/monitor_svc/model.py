"""What is known of the system's health, and the rules that judge it. Times are seconds since the epoch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
    unary_total: int = 0
    unary_seconds_total: float = 0.0
    disk_total_bytes: int = 0
    disk_free_bytes: int = 0
    samples: tuple["Sample", ...] = ()

    def missing(self) -> frozenset[str]:
        """What it works without: what it says, and what its probes find."""
        return frozenset(self.degraded) | {probe.name for probe in self.probes if not probe.healthy}


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a replica's metrics; labels as sorted pairs."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float


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
    since: float = 0.0
    misses: int = 0

    @property
    def serves(self) -> bool:
        """Whether it answers and says that it serves."""
        return self.reachable and self.last_status is not None and self.last_status.serving


@dataclass(frozen=True, slots=True)
class Reading:
    """One figure of a service at this moment, or of one of its replicas if `address` names it."""

    service: str
    figure: str
    value: float
    address: str = ""


@dataclass(frozen=True, slots=True)
class Warned:
    """A figure beyond its threshold; it stands until `cleared_at`."""

    figure: str
    service: str
    address: str
    message: str
    raised_at: float
    cleared_at: float | None = None


@dataclass(frozen=True, slots=True)
class Capability:
    """What a user can do; `level` is "ok", "degraded" or "down", `message` what the lack costs."""

    name: str
    level: str
    message: str
    since: float


@dataclass(frozen=True, slots=True)
class ServiceHealth:
    """The state of one service over its replicas, and since when it has been so."""

    name: str
    status: HealthStatus
    replicas: tuple[ReplicaHealth, ...]
    since: float = 0.0
    readings: tuple[Reading, ...] = ()


@dataclass(frozen=True, slots=True)
class SystemHealth:
    """One round of probes over everything."""

    round: int
    status: HealthStatus
    services: tuple[ServiceHealth, ...]
    unreachable: tuple[str, ...]
    warnings: tuple[Warned, ...]
    check_time: float
    round_ms: float
    since: float = 0.0
    capabilities: tuple[Capability, ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    """What a figure was during one step of the history; times are when steps begin."""

    time: float
    low: float
    mean: float
    high: float


@dataclass(frozen=True, slots=True)
class Transition:
    """One change of condition; `service` may be a capability's name, or empty for the whole system."""

    service: str
    old_status: HealthStatus | None
    new_status: HealthStatus
    message: str
    time: float


def judge_service(replicas: Sequence[ReplicaHealth]) -> HealthStatus:
    """UNHEALTHY if no replica serves, DEGRADED if one is silent, not serving or works without something."""
    if not any(replica.serves for replica in replicas):
        return HealthStatus.UNHEALTHY
    whole = all(
        replica.serves and replica.last_status is not None and not replica.last_status.missing()
        for replica in replicas
    )
    return HealthStatus.HEALTHY if whole else HealthStatus.DEGRADED


def judge_system(services: Sequence[ServiceHealth]) -> HealthStatus:
    """The worst condition of any service."""
    order = list(HealthStatus)
    return max((service.status for service in services), key=order.index, default=HealthStatus.UNHEALTHY)


CAPABILITY_STATUS = {
    "ok": HealthStatus.HEALTHY,
    "degraded": HealthStatus.DEGRADED,
    "down": HealthStatus.UNHEALTHY,
}
"""The condition that a capability's level is recorded as in the history."""


def transitions_between(before: Mapping[str, HealthStatus], after: SystemHealth) -> list[Transition]:
    """What changed against the conditions before, by service or capability and with "" for the whole."""
    now = [(service.name, service.status, reason(service)) for service in after.services]
    now += [
        (each.name, CAPABILITY_STATUS[each.level], each.message or f"All of {each.name} is there.")
        for each in after.capabilities
    ]
    now.append(("", after.status, f"The system is {after.status.value}."))
    return [
        Transition(subject, before.get(subject), status, message, after.check_time)
        for subject, status, message in now
        if before.get(subject) is not status
    ]


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
            missing = sorted(status.missing())
            if missing:
                faults.append(f"{replica.address} works without {', '.join(missing)}")
    return f"{service.name}: {'; '.join(faults) or 'no replica is known'}."
