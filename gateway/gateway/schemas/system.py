"""Bodies of the system's health and figures, with the field names that older clients know."""

from collections.abc import Iterator

import msgspec

from gateway.fallback import SeenHealth
from gateway.schemas.times import rfc3339
from mcai.monitor.v1 import monitor_pb2, replica_pb2

_STATUSES = {
    monitor_pb2.HEALTH_STATUS_HEALTHY: "healthy",
    monitor_pb2.HEALTH_STATUS_DEGRADED: "degraded",
    monitor_pb2.HEALTH_STATUS_UNHEALTHY: "unhealthy",
}
_STORES = frozenset({"postgres", "sqlite"})


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
    last_seen_time: str | None


class ServiceBody(msgspec.Struct):
    """A service over its replicas."""

    name: str
    status: str
    replicas: list[ReplicaBody]


class HealthBody(msgspec.Struct):
    """The health of the whole; memory and CPU are those of the process that answers."""

    status: str
    memory_mb: float
    cpu_percent: float
    worker_pid: int
    services: LegacyServices
    modes: dict[str, str]
    degraded: list[str]
    unreachable: list[str]
    warnings: list[str]
    source: str
    check_time: str | None
    components: list[ServiceBody]


class PerformanceBody(msgspec.Struct):
    """Figures of the process that answers, since its start."""

    memory_mb: float
    cpu_percent: float
    requests_total: int
    requests_failed: int
    avg_latency_ms: float
    cache_hit_rate: float
    cache_hits: int
    cache_misses: int


class TierBody(msgspec.Struct):
    """One tier of the cache; -1 where it cannot be asked."""

    tier: str
    available: bool
    entries: int
    bytes: int
    max_bytes: int
    hits: int


class CacheStats(msgspec.Struct):
    """The cache: `available` is whether Redis answers, `mode` "redis" or "embedded"."""

    available: bool
    mode: str
    reachable: bool
    lookups: int = 0
    hits: int = 0
    misses: int = 0
    invalidated: int = 0
    tiers: list[TierBody] = []


class DatabaseStats(msgspec.Struct):
    """The bank and its store; -1 where the store cannot be asked."""

    available: bool
    store: str
    reachable: bool
    datasets: int = 0
    examples: int = 0
    conversations: int = 0
    messages: int = 0
    feedback: int = 0
    journalled: int = 0
    index_documents: int = 0
    index_bytes: int = 0


class StatsBody(msgspec.Struct):
    """The figures of the system."""

    redis: CacheStats
    database: DatabaseStats
    performance: PerformanceBody


class InvalidateRequest(msgspec.Struct):
    """What to forget; nothing named means everything."""

    example_ids: list[str] = []
    domains: list[str] = []
    all: bool = False


class InvalidateReceipt(msgspec.Struct):
    """How much was forgotten."""

    evicted: int
    success: bool = True


class ReadyBody(msgspec.Struct):
    """Whether questions can be answered: "ok", "degraded" or "unavailable"."""

    status: str
    degraded: list[str]


def health_body(seen: SeenHealth, memory_mb: float, cpu_percent: float, pid: int) -> HealthBody:
    """Returns the health for a client."""
    health = seen.health
    statuses = list(_replica_statuses(health))
    redis = [probe.healthy for status in statuses for probe in status.probes if probe.name == "redis"]
    return HealthBody(
        status=_STATUSES.get(health.status, "unhealthy"),
        memory_mb=memory_mb,
        cpu_percent=cpu_percent,
        worker_pid=pid,
        services=LegacyServices(
            redis=bool(redis) and all(redis),
            database=any(_has_store(status) for status in statuses),
            monitor=seen.source == "monitor",
        ),
        modes={"redis": "redis" if redis else "embedded"},
        degraded=sorted({name for status in statuses for name in status.degraded}),
        unreachable=list(health.unreachable),
        warnings=list(health.warnings),
        source=seen.source,
        check_time=rfc3339(health, "check_time"),
        components=[_service(each) for each in health.services],
    )


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
    replicas = [_replica(each) for each in service.replicas]
    return ServiceBody(service.name, _STATUSES.get(service.status, "unhealthy"), replicas)


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
        last_seen_time=rfc3339(replica, "last_seen_time"),
    )
