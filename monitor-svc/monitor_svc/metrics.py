"""The aggregate that the monitor exports; labels are bounded by the number of services and replicas."""

from prometheus_client import CollectorRegistry, Gauge

from monitor_svc.model import HealthStatus, SystemHealth

LEVELS = {HealthStatus.UNHEALTHY: 0, HealthStatus.DEGRADED: 1, HealthStatus.HEALTHY: 2}


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
        self._replicas = Gauge(
            "mcai_service_replicas",
            "Replicas of a service that are known, by whether they answered in the newest round.",
            ("service", "state"),
            registry=registry,
        )
        self._round = Gauge(
            "mcai_monitor_round_seconds", "What the newest round took, in seconds.", registry=registry
        )

    def observe(self, health: SystemHealth) -> None:
        """Take a round over."""
        self._system.set(LEVELS[health.status])
        self._round.set(health.round_ms / 1000)
        for service in health.services:
            reachable = sum(replica.reachable for replica in service.replicas)
            self._service.labels(service.name).set(LEVELS[service.status])
            self._replicas.labels(service.name, "reachable").set(reachable)
            self._replicas.labels(service.name, "unreachable").set(len(service.replicas) - reachable)
