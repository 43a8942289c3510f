"""The monitor over gRPC, watching real servers that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc
from monitor_svc.__main__ import running
from monitor_svc.settings import MonitorSettings
from servicekit.channel import open_channel
from servicekit.errors import ConfigurationError
from servicekit.health import Probe
from servicekit.server import GrpcServer
from servicekit.settings import ServiceSettings

SERVICES = [monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"]]


def settings(path: Path) -> MonitorSettings:
    return MonitorSettings(
        listen=f"unix:{path}/m.sock",
        data_dir=path,
        dataset_target=f"unix:{path}/d.sock",
        round_interval_seconds=0.05,
        round_timeout_seconds=2.0,
    )


@asynccontextmanager
async def monitor(path: Path) -> AsyncIterator["monitor_pb2_grpc.MonitorServiceAsyncStub"]:
    async with running(settings(path), CollectorRegistry()) as server:
        channel = open_channel(server.address, services=SERVICES, token=None, timeout_seconds=5.0)
        async with channel:
            yield monitor_pb2_grpc.MonitorServiceStub(channel)


@asynccontextmanager
async def watched(path: Path, probes: list[Probe] | None = None) -> AsyncIterator[GrpcServer]:
    one = ServiceSettings(listen=f"unix:{path}/d.sock", data_dir=path, probe_interval_seconds=0.05)
    async with GrpcServer(one, "dataset-svc", [], probes or [], CollectorRegistry()) as server:
        yield server


async def conditions(
    stub: "monitor_pb2_grpc.MonitorServiceAsyncStub",
) -> AsyncIterator[tuple[int, monitor_pb2.SystemHealth]]:
    async for message in stub.WatchSystemHealth(monitor_pb2.WatchSystemHealthRequest(), timeout=30):
        (dataset,) = [each for each in message.health.services if each.name == "dataset-svc"]
        yield dataset.status, message.health


async def until(
    watching: AsyncIterator[tuple[int, monitor_pb2.SystemHealth]], wanted: int
) -> monitor_pb2.SystemHealth:
    async for status, health in watching:
        if status == wanted:
            return health
    raise AssertionError("the stream ended")


async def test_a_service_is_seen_to_go_and_to_return(tmp_path: Path) -> None:
    async with monitor(tmp_path) as stub:
        watching = conditions(stub)
        async with watched(tmp_path):
            whole = await until(watching, monitor_pb2.HEALTH_STATUS_HEALTHY)
        gone = await until(watching, monitor_pb2.HEALTH_STATUS_UNHEALTHY)
        async with watched(tmp_path):
            await until(watching, monitor_pb2.HEALTH_STATUS_HEALTHY)

    assert [each.name for each in whole.services] == ["dataset-svc", "monitor-svc"]
    assert whole.services[0].replicas[0].last_status.resident_bytes > 0
    assert list(gone.unreachable) == [f"dataset-svc@unix:{tmp_path}/d.sock"]
    assert gone.services[0].replicas[0].last_status.service == "dataset-svc"


async def test_a_replica_that_works_without_something_is_degraded(tmp_path: Path) -> None:
    async def refused() -> None:
        raise ConnectionRefusedError("connection refused")

    async with watched(tmp_path, [Probe("postgres", refused, critical=False)]), monitor(tmp_path) as stub:
        health = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_DEGRADED)

    status = health.services[0].replicas[0].last_status
    assert status.serving
    assert list(status.degraded) == ["postgres"]


async def test_history_outlives_a_restart_and_pages(tmp_path: Path) -> None:
    async with monitor(tmp_path) as stub:
        await until(conditions(stub), monitor_pb2.HEALTH_STATUS_UNHEALTHY)
        async with watched(tmp_path):
            await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)

    async with monitor(tmp_path) as stub:
        first = await stub.ListHealthHistory(
            monitor_pb2.ListHealthHistoryRequest(service="dataset-svc", page_size=1)
        )
        second = await stub.ListHealthHistory(
            monitor_pb2.ListHealthHistoryRequest(
                service="dataset-svc", page_size=1000, page_token=first.next_page_token
            )
        )

    rows = [*first.transitions, *second.transitions]
    healthy = monitor_pb2.HEALTH_STATUS_HEALTHY
    assert len(first.transitions) == 1
    assert not second.next_page_token
    assert any(each.old_status != healthy and each.new_status == healthy for each in rows)


async def test_an_old_round_is_renewed_when_asked(tmp_path: Path) -> None:
    async with monitor(tmp_path) as stub:
        before = await stub.GetSystemHealth(monitor_pb2.GetSystemHealthRequest())
        request = monitor_pb2.GetSystemHealthRequest()
        request.max_age.FromNanoseconds(0)
        after = await stub.GetSystemHealth(request)

    assert after.health.round > before.health.round


async def test_the_aggregate_is_exported(tmp_path: Path) -> None:
    async with watched(tmp_path), monitor(tmp_path) as stub:
        await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)
        text = (await stub.GetMetrics(monitor_pb2.GetMetricsRequest())).exposition

    assert 'mcai_service_health{service="dataset-svc"} 2.0' in text
    assert 'mcai_service_replicas{service="dataset-svc",state="reachable"} 1.0' in text


async def test_a_corrupt_history_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"not a database, and longer than a header" * 100)

    with pytest.raises(ConfigurationError, match="move the file away"):
        async with asyncio.timeout(10), monitor(tmp_path):
            pass
