"""Bodies of the system's health, with the field names that older clients know."""

from collections.abc import Iterator

import msgspec

from gateway.fallback_system import SeenHealth
from gateway.schemas.times import rfc3339
from mcai.monitor.v1 import monitor_pb2, replica_pb2

STATUSES = {
    monitor_pb2.HEALTH_STATUS_HEALTHY: "healthy",
    monitor_pb2.HEALTH_STATUS_DEGRADED: "degraded",
    monitor_pb2.HEALTH_STATUS_UNHEALTHY: "unhealthy",
}
_CAPABILITIES = {
    monitor_pb2.CAPABILITY_STATUS_OK: "ok",
    monitor_pb2.CAPABILITY_STATUS_DEGRADED: "degraded",
    monitor_pb2.CAPABILITY_STATUS_DOWN: "down",
}
_STORES = frozenset({"postgres", "sqlite"})
_LESS_IS_WORSE = frozenset({"disk_free_ratio"})


class LegacyServices(msgspec.Struct):
    """Whether each answers; without a configured Redis `redis` is false and `modes.redis` is "embedded"."""

    redis: bool
    database: bool
    monitor: bool


class ReplicaBody(msgspec.Struct):
    """What is known of one replica."""

    address: str
    reachable: bool
    serving: bool
    version: str
    pid: int
    memory_mb: float
    cpu_percent: float
    latency_ms: float
    degraded: list[str]
    message: str
    since: str | None
    last_seen_time: str | None


class ServiceBody(msgspec.Struct):
    """A service over its replicas: since when it has been in its condition, why, and what it does.

    `figures` are those of the service; of its replicas they stand with them, or the worst one here.
    """

    name: str
    status: str
    since: str | None
    message: str
    figures: dict[str, float]
    replicas: list[ReplicaBody]


class CapabilityBody(msgspec.Struct):
    """What a user can do: "ok", "degraded" or "down", what the lack costs, and since when."""

    status: str
    message: str
    since: str | None


class CountBody(msgspec.Struct):
    """How many replicas of a service are known, answer and serve."""

    known: int
    reachable: int
    serving: int


class HealthBody(msgspec.Struct):
    """The health of the whole; memory and CPU are those of the process that answers."""

    status: str
    since: str | None
    memory_mb: float
    cpu_percent: float
    worker_pid: int
    services: LegacyServices
    capabilities: dict[str, CapabilityBody]
    modes: dict[str, str]
    degraded: list[str]
    replicas: dict[str, CountBody]
    unreachable: list[str]
    warnings: list[str]
    source: str
    check_time: str | None
    components: list[ServiceBody]


def health_body(seen: SeenHealth, memory_mb: float, cpu_percent: float, pid: int) -> HealthBody:
    """Returns the health for a client."""
    health = seen.health
    statuses = list(_replica_statuses(health))
    redis = [probe.healthy for status in statuses for probe in status.probes if probe.name == "redis"]
    return HealthBody(
        status=STATUSES.get(health.status, "unhealthy"),
        since=rfc3339(health, "since"),
        memory_mb=memory_mb,
        cpu_percent=cpu_percent,
        worker_pid=pid,
        services=LegacyServices(
            redis=bool(redis) and all(redis),
            database=any(_has_store(status) for status in statuses),
            monitor=seen.source == "monitor",
        ),
        capabilities={each.name: _capability(each) for each in health.capabilities},
        modes={"redis": "redis" if redis else "embedded"},
        degraded=sorted({name for status in statuses for name in status.degraded}),
        replicas=replica_counts(health),
        unreachable=list(health.unreachable),
        warnings=list(health.warnings),
        source=seen.source,
        check_time=rfc3339(health, "check_time"),
        components=[_service(each) for each in health.services],
    )


def replica_counts(health: monitor_pb2.SystemHealth) -> dict[str, CountBody]:
    """Returns how many replicas each service has, by service."""
    return {
        service.name: CountBody(
            known=len(service.replicas),
            reachable=sum(each.reachable for each in service.replicas),
            serving=sum(each.reachable and each.last_status.serving for each in service.replicas),
        )
        for service in health.services
    }


def figures_of(service: monitor_pb2.ServiceHealth) -> dict[str, float]:
    """Returns the figures of a service; of those that each replica has by itself, the worst."""
    found: dict[str, float] = {}
    for each in service.figures:
        choose = min if each.name in _LESS_IS_WORSE else max
        found[each.name] = choose(each.value, found[each.name]) if each.name in found else each.value
    return {name: round(value, 6) for name, value in found.items()}


def _capability(capability: monitor_pb2.Capability) -> CapabilityBody:
    status = _CAPABILITIES.get(capability.status, "down")
    return CapabilityBody(status, capability.message, rfc3339(capability, "since"))


def _replica_statuses(health: monitor_pb2.SystemHealth) -> Iterator[replica_pb2.ReplicaStatus]:
    for service in health.services:
        for replica in service.replicas:
            if replica.reachable and replica.HasField("last_status"):
                yield replica.last_status


def _has_store(status: replica_pb2.ReplicaStatus) -> bool:
    """Says whether a replica is one of the bank that reaches its store."""
    stores = [probe.healthy for probe in status.probes if probe.name in _STORES]
    return status.service == "dataset-svc" and status.serving and all(stores)


def _service(service: monitor_pb2.ServiceHealth) -> ServiceBody:
    return ServiceBody(
        name=service.name,
        status=STATUSES.get(service.status, "unhealthy"),
        since=rfc3339(service, "since"),
        message=service.message,
        figures=figures_of(service),
        replicas=[_replica(each) for each in service.replicas],
    )


def _replica(replica: monitor_pb2.ReplicaHealth) -> ReplicaBody:
    status = replica.last_status
    return ReplicaBody(
        address=replica.address,
        reachable=replica.reachable,
        serving=replica.reachable and status.serving,
        version=status.version,
        pid=status.pid,
        memory_mb=round(status.resident_bytes / 2**20, 1),
        cpu_percent=round(status.cpu_percent, 1),
        latency_ms=round(replica.latency_ms, 2),
        degraded=list(status.degraded),
        message=replica.message,
        since=rfc3339(replica, "since"),
        last_seen_time=rfc3339(replica, "last_seen_time"),
    )
