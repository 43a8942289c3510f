import asyncio
import socket
import stat
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from mcai.monitor.v1 import replica_pb2, replica_pb2_grpc
from servicekit.degrade import Degradation
from servicekit.errors import ConfigurationError, PeerUnavailable, StoreUnavailable, translating
from servicekit.health import Probe
from servicekit.server import GrpcServer
from tests.integration.servicekit.conftest import Connect, StartServer
from tests.support.echo_service import FULL_NAME, Context, EchoServicer, EchoStub, Text
from tests.support.waiting import eventually

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


async def well() -> None:
    return None


class Store:
    """A dependency that a test takes away."""

    def __init__(self) -> None:
        self.away = False

    async def check(self) -> None:
        if self.away:
            raise StoreUnavailable("The store is away.")


async def health_of(server: GrpcServer, service: str = "") -> int:
    async with grpc.aio.insecure_channel(server.address) as channel:  # noqa: TID251 - a bare client on purpose
        stub: Any = health_pb2_grpc.HealthStub(channel)  # its stub file does not know its methods
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
    return int(answer.status)


@pytest.mark.parametrize("service", ["", FULL_NAME, "mcai.monitor.v1.ReplicaService"])
async def test_it_serves_when_its_probes_are_well(start_server: StartServer, service: str) -> None:
    server = await start_server(probes=[Probe("postgres", well)])

    assert await health_of(server, service) == SERVING


async def test_a_critical_probe_flips_the_status_both_ways(start_server: StartServer) -> None:
    store = Store()
    with capture_logs() as lines:
        server = await start_server(probes=[Probe("postgres", store.check)], probe_interval_seconds=0.01)
        store.away = True
        await eventually(lambda: not server.health.serving)
        assert await health_of(server, FULL_NAME) == NOT_SERVING
        store.away = False
        await eventually(lambda: server.health.serving)
        assert await health_of(server, FULL_NAME) == SERVING

    told = [line["event"] for line in lines if line["event"] not in {"listening", "call"}]
    assert told == ["serving", "probe failed", "not serving", "probe recovered", "serving"]


async def test_it_starts_not_serving_while_a_critical_dependency_is_away(start_server: StartServer) -> None:
    store = Store()
    store.away = True

    server = await start_server(probes=[Probe("postgres", store.check)])

    assert await health_of(server) == NOT_SERVING


async def test_a_probe_that_is_not_critical_only_degrades(
    start_server: StartServer, connect: Connect
) -> None:
    store = Store()
    store.away = True

    server = await start_server(probes=[Probe("redis", store.check, critical=False)])

    stub = replica_pb2_grpc.ReplicaServiceStub(connect(server))
    status = (await stub.GetReplicaStatus(replica_pb2.GetReplicaStatusRequest())).status
    assert status.serving
    assert list(status.degraded) == ["redis"]
    assert [(p.name, p.healthy, p.critical, p.message) for p in status.probes] == [
        ("redis", False, False, "The store is away.")
    ]


async def test_a_replica_tells_of_itself(start_server: StartServer, connect: Connect) -> None:
    registry = CollectorRegistry()
    server = await start_server(registry=registry, probes=[Probe("postgres", well)])
    Degradation("llm", registry).degrade()
    channel = connect(server)
    await EchoStub(channel).Unary(Text(value="x"))

    stub = replica_pb2_grpc.ReplicaServiceStub(channel)
    status = (await stub.GetReplicaStatus(replica_pb2.GetReplicaStatusRequest())).status

    assert (status.service, status.hostname) == ("echo", socket.gethostname())
    assert status.resident_bytes > 1_000_000
    assert status.requests_total >= 1
    assert status.requests_failed == 0
    assert status.mean_latency_ms > 0
    assert list(status.degraded) == ["llm"]
    assert status.start_time.seconds > 1_700_000_000


async def test_reflection_names_every_service(start_server: StartServer) -> None:
    server = await start_server(service_token="s3cret")

    async with grpc.aio.insecure_channel(server.address) as channel:  # noqa: TID251 - a bare client on purpose
        make: Any = reflection_pb2_grpc.ServerReflectionStub  # typed for synchronous channels only
        call = make(channel).ServerReflectionInfo(timeout=5)
        await call.write(reflection_pb2.ServerReflectionRequest(list_services=""))
        answer = await call.read()
        await call.done_writing()
        names = {each.name for each in answer.list_services_response.service}

    assert {FULL_NAME, "mcai.monitor.v1.ReplicaService", "grpc.health.v1.Health"} <= names


async def test_the_metrics_port_shows_the_calls(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(metrics_listen="127.0.0.1:0")
    await EchoStub(connect(server)).Unary(Text(value="x"))

    url = f"http://{server.metrics_address}/metrics"
    text = await asyncio.to_thread(fetch, url)
    await server.stop()

    with pytest.raises(urllib.error.URLError):
        await asyncio.to_thread(fetch, url)
    assert f'mcai_grpc_server_handled_total{{code="OK",method="Unary",service="{FULL_NAME}"}} 1.0' in text
    assert f'mcai_grpc_server_handling_seconds_count{{method="Unary",service="{FULL_NAME}"}} 1.0' in text


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310 - our own port
        return str(response.read().decode())


async def test_port_zero_is_told_as_it_is(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(listen="127.0.0.1:0")

    assert int(server.address.removeprefix("127.0.0.1:")) > 0
    assert (await EchoStub(connect(server)).Unary(Text(value="x"))).value == "x"


@pytest.mark.parametrize("field", ["listen", "metrics_listen"])
async def test_a_port_in_use_is_one_sentence(start_server: StartServer, field: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError) as raised:
            await start_server(**{field: address})

    assert address in str(raised.value)
    assert "\n" not in str(raised.value)


async def test_a_port_of_another_of_our_servers_is_in_use(start_server: StartServer) -> None:
    server = await start_server(listen="127.0.0.1:0")

    with pytest.raises(ConfigurationError, match="in use"):
        await start_server(listen=server.address)


async def test_a_socket_is_private_and_goes_with_the_server(
    start_server: StartServer, tmp_path: Path
) -> None:
    path = tmp_path / "run" / "echo.sock"

    server = await start_server(listen=f"unix:{path}")
    mode = stat.S_IMODE(path.stat().st_mode)
    await server.stop()

    assert mode == 0o600
    assert not path.exists()


async def test_a_stale_socket_is_replaced_and_a_live_one_is_not(
    start_server: StartServer, tmp_path: Path
) -> None:
    path = tmp_path / "echo.sock"
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(path))

    server = await start_server(listen=f"unix:{path}")
    assert await health_of(server) == SERVING

    with pytest.raises(ConfigurationError, match="Another process serves"):
        await start_server(listen=f"unix:{path}")
    assert await health_of(server) == SERVING


async def test_a_file_in_the_way_is_left_alone(start_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("mine")

    with pytest.raises(ConfigurationError, match="not a socket"):
        await start_server(listen=f"unix:{path}")

    assert path.read_text() == "mine"


async def test_a_drain_says_so_first_and_lets_running_calls_end(
    start_server: StartServer, connect: Connect
) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()
    seen: list[bool] = []

    async def slow(request: Text, _context: Context) -> Text:
        arrived.set()
        await go.wait()
        return Text(value=request.value)

    async def on_drain() -> None:
        seen.append(server.health.serving)
        go.set()

    server = await start_server(EchoServicer(unary=slow), on_drain=[on_drain], drain_seconds=30)
    channel = connect(server)
    running = asyncio.ensure_future(EchoStub(channel).Unary(Text(value="kept"), timeout=20))
    await arrived.wait()

    await server.stop()

    assert (await running).value == "kept"
    assert seen == [False]
    with pytest.raises(PeerUnavailable), translating("echo"):
        await EchoStub(channel).Unary(Text(value="late"))


async def test_a_drain_does_not_wait_for_endless_calls(start_server: StartServer, connect: Connect) -> None:
    closed = asyncio.Event()

    async def endless(request: Text, _context: Context) -> AsyncIterator[Text]:
        try:
            yield Text(value=request.value)
            await asyncio.Event().wait()
        finally:
            closed.set()

    server = await start_server(EchoServicer(watch=endless), drain_seconds=60)
    call = EchoStub(connect(server)).Watch(Text(value="x"))
    first = await call.read()
    assert isinstance(first, Text)

    async with asyncio.timeout(30):
        await server.stop()

    assert closed.is_set()
    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call.read()
    assert raised.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_stopping_twice_or_before_the_start_is_harmless(start_server: StartServer) -> None:
    server = await start_server()

    await server.stop()
    await server.stop()
