"""The monitor over gRPC, watching real servers that come and go."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from mcai.monitor.v1 import monitor_pb2, monitor_pb2_grpc, replica_pb2, replica_pb2_grpc
from monitor_svc.__main__ import running
from monitor_svc.settings import MonitorSettings
from servicekit.channel import open_channel
from servicekit.errors import ConfigurationError
from servicekit.health import Probe
from servicekit.server import GrpcServer
from servicekit.settings import ServiceSettings
from tests.support.waiting import eventually

SERVICES = [monitor_pb2.DESCRIPTOR.services_by_name["MonitorService"]]


def settings(path: Path, **chosen: Any) -> MonitorSettings:
    defaults: dict[str, Any] = {
        "listen": f"unix:{path}/m.sock",
        "data_dir": path,
        "dataset_target": f"unix:{path}/d.sock",
        "round_interval_seconds": 0.05,
        "round_timeout_seconds": 2.0,
    }
    return MonitorSettings(**(defaults | chosen))


@asynccontextmanager
async def monitor(path: Path, **chosen: Any) -> AsyncIterator["monitor_pb2_grpc.MonitorServiceAsyncStub"]:
    async with running(settings(path, **chosen), CollectorRegistry()) as server:
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


async def test_since_outlives_a_restart(tmp_path: Path) -> None:
    async with watched(tmp_path):
        async with monitor(tmp_path) as stub:
            before = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)
        async with monitor(tmp_path) as stub:
            after = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)

    assert before.since.seconds > 0
    assert after.since == before.since
    assert [each.since for each in after.services] == [each.since for each in before.services]
    assert [each.since for each in after.capabilities] == [each.since for each in before.capabilities]


async def test_the_verdict_is_in_terms_of_what_the_user_can_do(tmp_path: Path) -> None:
    async with monitor(tmp_path) as stub:
        async with watched(tmp_path):
            whole = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)
        gone = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_UNHEALTHY)

    ok, degraded, down = 1, 2, 3
    assert {each.name: each.status for each in whole.capabilities} == dict.fromkeys(
        ("chat", "search", "write", "tasks"), ok
    )
    assert {each.name: each.status for each in gone.capabilities} == {
        "chat": degraded,
        "search": down,
        "write": down,
        "tasks": ok,
    }


async def test_a_warning_is_raised_streamed_kept_and_cleared(tmp_path: Path) -> None:
    limits = {"warn_resident_bytes": 1, "warn_hold_seconds": 0.1}
    async with watched(tmp_path):
        async with monitor(tmp_path, **limits) as stub:
            async for _, health in conditions(stub):
                if health.warnings:
                    break
            assert "of memory, above 0 MB" in health.warnings[0]
            assert health.active_warnings[0].figure == "resident_bytes"
        async with monitor(tmp_path, warn_resident_bytes=2**40, warn_hold_seconds=0.1) as stub:
            async for _, health in conditions(stub):
                if not health.warnings:
                    break
            kept = await eventually(lambda: cleared(stub))

    assert kept is not None
    assert kept.raise_time.seconds > 0


async def cleared(stub: "monitor_pb2_grpc.MonitorServiceAsyncStub") -> monitor_pb2.Warning | None:
    page = await stub.ListWarnings(monitor_pb2.ListWarningsRequest())
    found = [each for each in page.warnings if each.HasField("clear_time")]
    return found[0] if found else None


async def test_figures_are_told_and_a_bad_period_is_refused(tmp_path: Path) -> None:
    async with watched(tmp_path), monitor(tmp_path) as stub:
        health = await until(conditions(stub), monitor_pb2.HEALTH_STATUS_HEALTHY)
        request = monitor_pb2.GetFigureHistoryRequest(service="dataset-svc", figure="cpu_percent")
        history = await stub.GetFigureHistory(request)
        request.period.FromSeconds(31 * 86_400)
        with pytest.raises(grpc.aio.AioRpcError, match="30 days"):
            await stub.GetFigureHistory(request)

    (dataset,) = [each for each in health.services if each.name == "dataset-svc"]
    assert {"replicas_serving", "resident_bytes", "disk_free_ratio"} <= {
        each.name for each in dataset.figures
    }
    assert history.step.seconds == 15


async def test_a_process_shows_what_its_tasks_wait_for(tmp_path: Path) -> None:
    async with watched(tmp_path) as server:
        services = [replica_pb2.DESCRIPTOR.services_by_name["ReplicaService"]]
        async with open_channel(
            server.address, services=services, token=None, timeout_seconds=5.0
        ) as channel:
            stub = replica_pb2_grpc.ReplicaServiceStub(channel)
            dump = await stub.DumpTasks(replica_pb2.DumpTasksRequest())

    (watching,) = [each for each in dump.tasks if each.coroutine == "Health.watch"]
    assert any("servicekit/health.py" in place and "Health.watch" in place for place in watching.stack)
    assert "sleep" in watching.stack[-1]
