"""The aggregate that the monitor exports; labels are bounded by the number of services and of figures."""

from collections import Counter as Count
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor_svc.model import HealthStatus, SystemHealth

LEVELS: Final = {HealthStatus.UNHEALTHY: 0, HealthStatus.DEGRADED: 1, HealthStatus.HEALTHY: 2}
CAPABILITY_LEVELS: Final = {"down": 0, "degraded": 1, "ok": 2}


class MonitorMetrics:
    """Gauges that hold the newest round."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._system = Gauge(
            "mcai_system_health", "The system: 0 unhealthy, 1 degraded, 2 healthy.", registry=registry
        )
        self._service = Gauge(
            "mcai_service_health",
            "A service: 0 unhealthy, 1 degraded, 2 healthy.",
            ("service",),
            registry=registry,
        )
        self._capability = Gauge(
            "mcai_capability",
            "What the user can do: 0 down, 1 degraded, 2 ok.",
            ("capability",),
            registry=registry,
        )
        self._replicas = Gauge(
            "mcai_service_replicas",
            "Replicas of a service that are known, by whether they answer.",
            ("service", "state"),
            registry=registry,
        )
        self._warnings = Gauge(
            "mcai_warnings",
            "Warnings that stand, by the figure beyond its limit.",
            ("figure",),
            registry=registry,
        )
        self._round_seconds = Gauge(
            "mcai_monitor_round_seconds", "What the newest round took, in seconds.", registry=registry
        )
        self._rounds = Counter("mcai_monitor_rounds_total", "Rounds that ended.", registry=registry)
        self._figures: set[str] = set()

    def observe(self, health: SystemHealth) -> None:
        """Take a round over."""
        self._rounds.inc()
        self._system.set(LEVELS[health.status])
        self._round_seconds.set(health.round_ms / 1000)
        for capability in health.capabilities:
            self._capability.labels(capability.name).set(CAPABILITY_LEVELS[capability.level])
        for service in health.services:
            reachable = sum(replica.reachable for replica in service.replicas)
            self._service.labels(service.name).set(LEVELS[service.status])
            self._replicas.labels(service.name, "reachable").set(reachable)
            self._replicas.labels(service.name, "unreachable").set(len(service.replicas) - reachable)
        standing = Count(each.figure for each in health.warnings)
        self._figures |= standing.keys()
        for figure in self._figures:
            self._warnings.labels(figure).set(standing[figure])
