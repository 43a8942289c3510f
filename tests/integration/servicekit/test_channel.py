"""What a channel does when the peer is well, away, frozen, moved or one of several."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator

import grpc
import pytest

from mcai.monitor.v1 import replica_pb2
from servicekit import deadline
from servicekit.breaker import Breaker, State
from servicekit.channel import service_config
from servicekit.errors import BreakerOpen, DeadlineTooShort, StoreUnavailable, Unavailable, translating
from servicekit.server import GrpcServer
from tests.integration.servicekit.conftest import Connect, StartServer
from tests.support.dns_server import dns_server
from tests.support.echo_service import FULL_NAME, Context, EchoServicer, EchoStub, Text, descriptor
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

BACK_WITHIN_SECONDS = 5.0  # what the house promises after a peer's return


def named(name: str) -> EchoServicer:
    async def unary(_request: Text, _context: Context) -> Text:
        return Text(value=name)

    return EchoServicer(unary=unary)


class Failing(EchoServicer):
    """Fails its first calls with UNAVAILABLE, and counts all of them."""

    def __init__(self, failures: int) -> None:
        self.calls = 0

        async def unary(request: Text, _context: Context) -> Text:
            self.calls += 1
            if self.calls <= failures:
                raise StoreUnavailable("The store is away.")
            return request

        super().__init__(unary=unary, change=unary)


async def answers(stub: EchoStub) -> bool:
    try:
        await stub.Unary(Text(value="x"))
    except (grpc.aio.AioRpcError, BreakerOpen):
        return False
    return True


def test_retries_are_read_from_the_contract() -> None:
    config = json.loads(service_config([descriptor()]))

    (policy,) = config["methodConfig"]
    assert {"service": FULL_NAME, "method": "Unary"} in policy["name"]
    assert {"service": FULL_NAME, "method": "Change"} not in policy["name"]
    assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE"]
    assert policy["retryPolicy"]["maxAttempts"] == 3
    assert config["loadBalancingConfig"][-1] == {"round_robin": {}}


def test_a_real_contract_has_its_retries() -> None:
    service = replica_pb2.DESCRIPTOR.services_by_name["ReplicaService"]

    (policy,) = json.loads(service_config([service]))["methodConfig"]

    assert policy["name"] == [
        {"service": service.full_name, "method": method} for method in ("GetReplicaStatus", "DumpTasks")
    ]


async def test_an_idempotent_call_is_repeated_and_another_is_not(
    start_server: StartServer, connect: Connect
) -> None:
    servicer = Failing(2)
    server = await start_server(servicer)
    stub = EchoStub(connect(server))

    assert (await stub.Unary(Text(value="x"))).value == "x"
    assert servicer.calls == 3

    servicer.calls = 0
    with pytest.raises(Unavailable, match="store is away"), translating("echo"):
        await stub.Change(Text(value="x"))
    assert servicer.calls == 1


async def test_a_call_has_a_timeout_even_if_nobody_asked(start_server: StartServer, connect: Connect) -> None:
    left: list[float | None] = []

    async def unary(request: Text, context: Context) -> Text:
        left.append(context.time_remaining())
        return request

    async def stream(request: Text, context: Context) -> AsyncIterator[Text]:
        left.append(context.time_remaining())
        yield request

    server = await start_server(EchoServicer(unary=unary, repeat=stream))
    stub = EchoStub(connect(server, timeout_seconds=4.0))

    async def asked(seconds: float | None) -> tuple[float | None, float | None]:
        await stub.Unary(Text(), timeout=seconds)
        async for _ in stub.Repeat(Text(), timeout=seconds):
            pass
        return left[-2], left[-1]

    def about(seconds: float) -> object:
        return pytest.approx(seconds, abs=1.0)

    assert await asked(None) == (about(4.0), None)
    assert await asked(9.0) == (about(9.0), about(9.0))
    with deadline.limit(2.5):
        assert await asked(None) == (about(2.5), about(2.5))
        assert await asked(9.0) == (about(2.5), about(2.5))


async def test_a_call_without_time_is_not_made(start_server: StartServer, connect: Connect) -> None:
    servicer = Failing(0)
    server = await start_server(servicer)
    stub = EchoStub(connect(server))

    with deadline.limit(0.001), pytest.raises(DeadlineTooShort):
        await stub.Unary(Text(value="x"))
    assert servicer.calls == 0


async def test_calls_go_round_the_replicas(start_server: StartServer, connect: Connect) -> None:
    servers = [await start_server(named(name), listen="127.0.0.1:0") for name in "abc"]
    stub = EchoStub(connect("ipv4:" + ",".join(server.address for server in servers)))

    async def seen() -> Counter[str]:
        return Counter([(await stub.Unary(Text())).value for _ in range(30)])

    async def evenly() -> bool:
        return await seen() == {"a": 10, "b": 10, "c": 10}

    await eventually(evenly)
    await servers[1].stop()

    async def the_others() -> bool:
        return set(await seen()) == {"a", "c"}

    await eventually(the_others)


async def test_a_replica_that_is_not_serving_gets_no_calls(
    start_server: StartServer, connect: Connect
) -> None:
    servers = [await start_server(named(name), listen="127.0.0.1:0") for name in "ab"]
    stub = EchoStub(connect("ipv4:" + ",".join(server.address for server in servers)))
    await stub.Unary(Text())

    await servers[0].health.drain()

    async def only_the_other() -> bool:
        return {(await stub.Unary(Text())).value for _ in range(10)} == {"b"}

    await eventually(only_the_other)


async def test_a_frozen_replica_among_several_is_left_out(
    start_server: StartServer, connect: Connect
) -> None:
    servers = [await start_server(named(name), listen="127.0.0.1:0") for name in "ab"]
    async with FaultyProxy(servers[1].address) as proxy:
        channel = connect(f"ipv4:{servers[0].address},{proxy.address}", timeout_seconds=0.1)
        stub = EchoStub(channel)

        async def both() -> bool:
            return {(await stub.Unary(Text(), timeout=5)).value for _ in range(6)} == {"a", "b"}

        await eventually(both)
        await proxy.hang()

        async def ten_in_a_row() -> bool:
            return all([await answers(stub) for _ in range(10)])

        await eventually(ten_in_a_row)


async def test_a_black_hole_costs_one_budget_and_then_nothing(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server(listen="127.0.0.1:0")
    async with FaultyProxy(server.address) as proxy:
        breaker = Breaker("echo", budget_seconds=0.2, reset_seconds=0.05)
        stub = EchoStub(connect(proxy.address, breaker=breaker, timeout_seconds=0.2))
        await eventually(lambda: answers(stub))
        await proxy.hang()

        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await stub.Unary(Text(value="x"))
        assert raised.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        probed = proxy.accepted

        async def probed_thrice() -> bool:
            started = time.monotonic()
            with pytest.raises(BreakerOpen, match="echo"):
                await stub.Unary(Text(value="x"))
            assert time.monotonic() - started < 0.2, "a refusal takes no part of a budget"
            return proxy.accepted >= probed + 3

        await eventually(probed_thrice)
        await proxy.pass_through()
        await eventually(lambda: answers(stub), BACK_WITHIN_SECONDS)
        assert breaker.state is State.CLOSED


async def test_a_peer_that_comes_back_is_found_again(start_server: StartServer, connect: Connect) -> None:
    server = await start_server(named("first"), listen="127.0.0.1:0")
    stub = EchoStub(connect(server))
    assert (await stub.Unary(Text())).value == "first"
    await server.stop()

    async def refused() -> bool:
        with pytest.raises(Unavailable), translating("echo"):
            await stub.Change(Text())
        return True

    for _ in range(10):
        await refused()
    await start_server(named("second"), listen=server.address)

    await eventually(lambda: answers(stub), BACK_WITHIN_SECONDS)
    assert (await stub.Unary(Text())).value == "second"


async def test_a_peer_that_had_no_name_and_comes_back_elsewhere_is_found_again(
    start_server: StartServer, connect: Connect
) -> None:
    async with dns_server() as dns:
        dns.table["echo.test"] = ["127.0.0.2"]
        server = await start_server(listen="127.0.0.2:0")
        port = server.address.rpartition(":")[2]
        stub = EchoStub(connect(f"dns://{dns.address}/echo.test:{port}"))
        await eventually(lambda: answers(stub))

        await server.stop()
        dns.table.clear()
        lookups = dns.queries

        async def looked_up_often() -> bool:
            return not await answers(stub) and dns.queries > lookups + 8

        await eventually(looked_up_often)
        dns.table["echo.test"] = ["127.0.0.3"]
        await start_server(named("moved"), listen=f"127.0.0.3:{port}")

        await eventually(lambda: answers(stub), BACK_WITHIN_SECONDS)
        assert (await stub.Unary(Text())).value == "moved"


async def test_a_new_replica_is_found_while_the_old_one_serves(
    start_server: StartServer, connect: Connect
) -> None:
    async with dns_server() as dns:
        dns.table["echo.test"] = ["127.0.0.2"]
        first = await start_server(named("a"), listen="127.0.0.2:0", max_connection_age_seconds=0.2)
        port = first.address.rpartition(":")[2]
        stub = EchoStub(connect(f"dns://{dns.address}/echo.test:{port}"))
        assert (await stub.Unary(Text())).value == "a"

        await start_server(named("b"), listen=f"127.0.0.3:{port}", max_connection_age_seconds=0.2)
        dns.table["echo.test"].append("127.0.0.3")

        async def both() -> bool:
            return {(await stub.Unary(Text())).value for _ in range(6)} == {"a", "b"}

        await eventually(both)


async def test_an_answer_with_an_error_of_its_own_keeps_the_breaker_closed(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server(Failing(1000))
    channel = connect(server)
    for _ in range(10):
        with pytest.raises(grpc.aio.AioRpcError):
            await EchoStub(channel).Change(Text(value="x"))

    assert channel.connections.breaker.state is State.CLOSED


async def test_a_stream_that_breaks_is_told_and_a_new_one_reaches_the_next_server(
    start_server: StartServer, connect: Connect
) -> None:
    async def endless(request: Text, _context: Context) -> AsyncIterator[Text]:
        yield request
        await asyncio.Event().wait()

    server = await start_server(EchoServicer(watch=endless), listen="127.0.0.1:0")
    stub = EchoStub(connect(server))

    async def follow(server: GrpcServer) -> None:
        async for _ in stub.Watch(Text()):
            await server.stop()

    with pytest.raises(Unavailable), translating("echo"):
        await follow(server)
    await start_server(named("second"), listen=server.address)
    await eventually(lambda: answers(stub), BACK_WITHIN_SECONDS)


async def test_calls_in_progress_stay_on_their_connection(
    start_server: StartServer, connect: Connect
) -> None:
    arrived, go = asyncio.Event(), asyncio.Event()

    async def slow(request: Text, _context: Context) -> Text:
        arrived.set()
        await go.wait()
        return request

    server = await start_server(EchoServicer(change=slow), listen="127.0.0.1:0")
    channel = connect(server)
    stub = EchoStub(channel)
    running = asyncio.ensure_future(stub.Change(Text(value="kept"), timeout=30))
    await arrived.wait()
    before = channel.connections.current

    channel.connections.breaker.trip()
    await eventually(lambda: channel.connections.current is not before)
    go.set()

    assert (await running).value == "kept"
    assert (await stub.Unary(Text(value="new"))).value == "new"
