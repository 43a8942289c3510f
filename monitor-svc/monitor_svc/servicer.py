"""The monitor over gRPC: proto to model and back."""

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.timestamp_pb2 import Timestamp

from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc, replica_pb2
from monitor_svc.model import HealthStatus, ReplicaHealth, ReplicaStatus, SystemHealth, Transition
from monitor_svc.service import MonitorService

Context = grpc.aio.ServicerContext[Any, Any]

STATUSES = {
    HealthStatus.HEALTHY: monitor_pb2.HEALTH_STATUS_HEALTHY,
    HealthStatus.DEGRADED: monitor_pb2.HEALTH_STATUS_DEGRADED,
    HealthStatus.UNHEALTHY: monitor_pb2.HEALTH_STATUS_UNHEALTHY,
}


class MonitorServicer(monitor_pb2_grpc.MonitorServiceServicer):
    """Translates and delegates."""

    def __init__(self, service: MonitorService) -> None:
        self._service = service

    async def GetSystemHealth(
        self, request: monitor_pb2.GetSystemHealthRequest, context: Context
    ) -> monitor_pb2.GetSystemHealthResponse:
        """See the contract."""
        max_age = request.max_age.ToNanoseconds() / 1e9 if request.HasField("max_age") else None
        return monitor_pb2.GetSystemHealthResponse(
            health=system_message(await self._service.system_health(max_age))
        )

    async def WatchSystemHealth(
        self, request: monitor_pb2.WatchSystemHealthRequest, context: Context
    ) -> AsyncIterator[monitor_pb2.WatchSystemHealthResponse]:
        """See the contract."""
        async for health in self._service.watch():
            yield monitor_pb2.WatchSystemHealthResponse(health=system_message(health))

    async def ListHealthHistory(
        self, request: monitor_pb2.ListHealthHistoryRequest, context: Context
    ) -> monitor_pb2.ListHealthHistoryResponse:
        """See the contract."""
        transitions, token = await self._service.history(
            request.service, request.page_size, request.page_token
        )
        return monitor_pb2.ListHealthHistoryResponse(
            transitions=[transition_message(each) for each in transitions], next_page_token=token
        )

    async def GetMetrics(
        self, request: monitor_pb2.GetMetricsRequest, context: Context
    ) -> monitor_pb2.GetMetricsResponse:
        """See the contract."""
        return monitor_pb2.GetMetricsResponse(exposition=self._service.metrics())


def timestamp(seconds: float) -> Timestamp:
    """Seconds since the epoch as a Timestamp."""
    message = Timestamp()
    message.FromNanoseconds(round(seconds * 1e9))
    return message


def system_message(health: SystemHealth) -> monitor_pb2.SystemHealth:
    """A round as a message."""
    return monitor_pb2.SystemHealth(
        status=STATUSES[health.status],
        services=[
            monitor_pb2.ServiceHealth(
                name=service.name,
                status=STATUSES[service.status],
                replicas=[replica_message(replica) for replica in service.replicas],
            )
            for service in health.services
        ],
        unreachable=health.unreachable,
        warnings=health.warnings,
        check_time=timestamp(health.check_time),
        round_ms=health.round_ms,
        round=health.round,
    )


def replica_message(replica: ReplicaHealth) -> monitor_pb2.ReplicaHealth:
    """What is known of a replica as a message."""
    message = monitor_pb2.ReplicaHealth(
        address=replica.address,
        reachable=replica.reachable,
        latency_ms=replica.latency_ms,
        message=replica.message,
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
