"""What a process tells about itself: `mcai.monitor.v1.ReplicaService`, served by every server."""

import os
import socket
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

from prometheus_client import CollectorRegistry

from mcai.monitor.v1 import replica_pb2, replica_pb2_grpc
from servicekit.degrade import DegradationMetrics
from servicekit.health import Health, ProbeOutcome
from servicekit.interceptors import CallTotals
from servicekit.layers import Context
from servicekit.metrics import BuildInfo, shared
from servicekit.task_dump import dump_tasks
from servicekit.usage import UsageMeter


class ReplicaServicer(replica_pb2_grpc.ReplicaServiceServicer):
    """Measures the process at the time of the call."""

    def __init__(
        self,
        service: str,
        health: Health,
        totals: CallTotals,
        registry: CollectorRegistry,
        usage: UsageMeter,
    ) -> None:
        self._service = service
        self._health = health
        self._totals = totals
        self._degradations = shared(registry, DegradationMetrics)
        self._registry = registry
        self._usage = usage
        self._started_at = time.time()
        self._hostname = socket.gethostname()
        self._version = program_version(service)
        shared(registry, BuildInfo).tell(service, self._version)

    async def GetReplicaStatus(  # noqa: N802 - the contract's name
        self, request: replica_pb2.GetReplicaStatusRequest, _context: Context
    ) -> replica_pb2.GetReplicaStatusResponse:
        """Answers from memory and /proc; it never fails and never waits."""
        totals, usage = self._totals, self._usage.measure()
        status = replica_pb2.ReplicaStatus(
            service=self._service,
            hostname=self._hostname,
            pid=os.getpid(),
            version=self._version,
            resident_bytes=usage.resident_bytes,
            cpu_percent=usage.cpu_percent,
            requests_total=totals.requests,
            requests_failed=totals.failed,
            mean_latency_ms=totals.mean_latency_seconds * 1000,
            probes=[_probe_result(outcome) for outcome in self._health.outcomes],
            degraded=sorted(self._degradations.names() | self._health.failing()),
            serving=self._health.serving,
            unary_total=totals.unary,
            unary_seconds_total=totals.unary_seconds,
            disk_total_bytes=usage.disk_total_bytes,
            disk_free_bytes=usage.disk_free_bytes,
            figures=self._figures(tuple(request.figures)),
        )
        status.start_time.FromNanoseconds(int(self._started_at * 1e9))
        return replica_pb2.GetReplicaStatusResponse(status=status)

    async def DumpTasks(  # noqa: N802 - as above
        self, _request: replica_pb2.DumpTasksRequest, _context: Context
    ) -> replica_pb2.DumpTasksResponse:
        """Answers from memory."""
        tasks = [
            replica_pb2.TaskDump(name=each.name, coroutine=each.coroutine, stack=each.stack)
            for each in dump_tasks()
        ]
        return replica_pb2.DumpTasksResponse(tasks=tasks)

    def _figures(self, names: Sequence[str]) -> list[replica_pb2.Figure]:
        """Reads the samples of these names; only the metrics that hold them are collected."""
        if not names:
            return []
        return [
            replica_pb2.Figure(name=sample.name, labels=sample.labels, value=sample.value)
            for metric in self._registry.restricted_registry(names).collect()
            for sample in metric.samples
        ]


def program_version(service: str) -> str:
    """Returns the version of the distribution of a service, such as "0.1.0"; "unknown" if not installed."""
    try:
        return version(f"mcai-{service}")
    except PackageNotFoundError:
        return "unknown"


def _probe_result(outcome: ProbeOutcome) -> replica_pb2.ProbeResult:
    result = replica_pb2.ProbeResult(
        name=outcome.name,
        healthy=outcome.healthy,
        critical=outcome.critical,
        message=outcome.message,
        latency_ms=outcome.latency_seconds * 1000,
    )
    result.check_time.FromNanoseconds(int(outcome.checked_at * 1e9))
    return result
