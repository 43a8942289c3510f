"""What the monitor knows, as messages."""

from google.protobuf.timestamp_pb2 import Timestamp

from mcai.monitor.v1 import monitor_pb2, replica_pb2
from monitor_svc.model import (
    Capability,
    HealthStatus,
    Point,
    ReplicaHealth,
    ReplicaStatus,
    ServiceHealth,
    SystemHealth,
    Transition,
    Warned,
    reason,
)

STATUSES = {
    HealthStatus.HEALTHY: monitor_pb2.HEALTH_STATUS_HEALTHY,
    HealthStatus.DEGRADED: monitor_pb2.HEALTH_STATUS_DEGRADED,
    HealthStatus.UNHEALTHY: monitor_pb2.HEALTH_STATUS_UNHEALTHY,
}
LEVELS = {
    "ok": monitor_pb2.CAPABILITY_STATUS_OK,
    "degraded": monitor_pb2.CAPABILITY_STATUS_DEGRADED,
    "down": monitor_pb2.CAPABILITY_STATUS_DOWN,
}


def timestamp(seconds: float) -> Timestamp:
    """Seconds since the epoch as a Timestamp."""
    message = Timestamp()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def system_message(health: SystemHealth) -> monitor_pb2.SystemHealth:
    """A round as a message."""
    return monitor_pb2.SystemHealth(
        status=STATUSES[health.status],
        services=[service_message(service) for service in health.services],
        unreachable=health.unreachable,
        warnings=[each.message for each in health.warnings],
        check_time=timestamp(health.check_time),
        round_ms=health.round_ms,
        round=health.round,
        since=timestamp(health.since),
        capabilities=[capability_message(each) for each in health.capabilities],
        active_warnings=[warning_message(each) for each in health.warnings],
    )


def service_message(service: ServiceHealth) -> monitor_pb2.ServiceHealth:
    """A service over its replicas as a message."""
    return monitor_pb2.ServiceHealth(
        name=service.name,
        status=STATUSES[service.status],
        replicas=[replica_message(replica) for replica in service.replicas],
        since=timestamp(service.since),
        message=reason(service),
        figures=[
            monitor_pb2.ServiceFigure(name=each.figure, address=each.address, value=each.value)
            for each in service.readings
        ],
    )


def capability_message(capability: Capability) -> monitor_pb2.Capability:
    """What the user can do as a message."""
    return monitor_pb2.Capability(
        name=capability.name,
        status=LEVELS[capability.level],
        message=capability.message,
        since=timestamp(capability.since),
    )


def warning_message(warned: Warned) -> monitor_pb2.Warning:
    """A warning as a message."""
    message = monitor_pb2.Warning(
        figure=warned.figure,
        service=warned.service,
        address=warned.address,
        message=warned.message,
        raise_time=timestamp(warned.raised_at),
    )
    if warned.cleared_at is not None:
        message.clear_time.CopyFrom(timestamp(warned.cleared_at))
    return message


def point_message(point: Point) -> monitor_pb2.FigurePoint:
    """What a figure was during a step as a message."""
    return monitor_pb2.FigurePoint(
        time=timestamp(point.time), low=point.low, mean=point.mean, high=point.high
    )


def replica_message(replica: ReplicaHealth) -> monitor_pb2.ReplicaHealth:
    """What is known of a replica as a message."""
    message = monitor_pb2.ReplicaHealth(
        address=replica.address,
        reachable=replica.reachable,
        latency_ms=replica.latency_ms,
        message=replica.message,
        since=timestamp(replica.since),
    )
    if replica.last_status is not None:
        message.last_status.CopyFrom(status_message(replica.last_status))
    if replica.last_seen_time is not None:
        message.last_seen_time.CopyFrom(timestamp(replica.last_seen_time))
    return message


def status_message(status: ReplicaStatus) -> replica_pb2.ReplicaStatus:
    """A replica's own view as a message."""
    return replica_pb2.ReplicaStatus(
        service=status.service,
        hostname=status.hostname,
        pid=status.pid,
        version=status.version,
        start_time=timestamp(status.start_time),
        resident_bytes=status.resident_bytes,
        cpu_percent=status.cpu_percent,
        requests_total=status.requests_total,
        requests_failed=status.requests_failed,
        mean_latency_ms=status.mean_latency_ms,
        probes=[
            replica_pb2.ProbeResult(
                name=probe.name,
                healthy=probe.healthy,
                critical=probe.critical,
                message=probe.message,
                check_time=timestamp(probe.check_time),
                latency_ms=probe.latency_ms,
            )
            for probe in status.probes
        ],
        degraded=status.degraded,
        serving=status.serving,
        unary_total=status.unary_total,
        unary_seconds_total=status.unary_seconds_total,
        disk_total_bytes=status.disk_total_bytes,
        disk_free_bytes=status.disk_free_bytes,
    )


def transition_message(transition: Transition) -> monitor_pb2.HealthTransition:
    """A transition as a message."""
    old = transition.old_status
    return monitor_pb2.HealthTransition(
        service=transition.service,
        old_status=STATUSES[old] if old else monitor_pb2.HEALTH_STATUS_UNSPECIFIED,
        new_status=STATUSES[transition.new_status],
        message=transition.message,
        transition_time=timestamp(transition.time),
    )
