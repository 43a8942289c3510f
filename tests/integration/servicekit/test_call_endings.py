"""How calls end that do not run their course: left, cancelled, refused early, quiet for long."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Never

import grpc
import pytest
from prometheus_client import CollectorRegistry

from servicekit import logs
from servicekit.breaker import Breaker, State
from servicekit.errors import Conflict, translating
from tests.integration.servicekit.conftest import Connect, StartServer
from tests.integration.servicekit.kinds import Reporting, call_unary, handled
from tests.support.echo_service import Context, EchoServicer, EchoStub, Text
from tests.support.waiting import eventually


async def test_a_caller_who_leaves_ends_the_work_and_its_generator(
    start_server: StartServer, connect: Connect
) -> None:
    closed: list[str | None] = []

    async def endless(request: Text, _context: Context) -> AsyncIterator[Text]:
        try:
            while True:
                yield request
        finally:
            closed.append(logs.request_id())

    registry = CollectorRegistry()
    server = await start_server(EchoServicer(repeat=endless), registry=registry)
    with logs.request_context(request_id="r-4"):
        call = EchoStub(connect(server)).Repeat(Text(value="x"))
        await call.read()
        call.cancel()

    await eventually(lambda: closed == ["r-4"])
    await eventually(lambda: handled(registry, "Repeat", "CANCELLED") == 1)


async def test_a_cancelled_caller_cancels_the_call(start_server: StartServer, connect: Connect) -> None:
    arrived, ended = asyncio.Event(), asyncio.Event()

    async def slow(request: Text, _context: Context) -> Text:
        arrived.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return request

    server = await start_server(EchoServicer(unary=slow))
    caller = asyncio.create_task(call_unary(EchoStub(connect(server))))
    await arrived.wait()
    caller.cancel()

    async with asyncio.timeout(10):
        await ended.wait()
    with pytest.raises(asyncio.CancelledError):
        await caller


Send = Callable[[EchoStub, AsyncIterator[Text]], Awaitable[None]]


async def send_joined(stub: EchoStub, source: AsyncIterator[Text]) -> None:
    await stub.Join(source)


async def send_talked(stub: EchoStub, source: AsyncIterator[Text]) -> None:
    async for _ in stub.Talk(source):
        pass


async def send_written(stub: EchoStub, source: AsyncIterator[Text]) -> None:
    call = stub.Talk()
    async for request in source:
        await call.write(request)
    await call.done_writing()
    await call.read()


@pytest.mark.parametrize("send", [send_joined, send_talked, send_written], ids=lambda send: send.__name__)
async def test_a_server_that_refuses_early_is_heard_over_the_requests(
    start_server: StartServer, connect: Connect, send: Send
) -> None:
    def tell() -> Never:
        raise Conflict("Stale etag.")

    server = await start_server(Reporting(tell))
    stub = EchoStub(connect(server))

    async def many() -> AsyncIterator[Text]:
        for _ in range(50):
            yield Text(value="x" * 100_000)

    for _ in range(20):
        with pytest.raises(Conflict, match="Stale etag"), translating("echo"):
            await send(stub, many())


async def test_a_refusal_that_meets_a_write_on_its_way_is_not_lost(
    start_server: StartServer, connect: Connect
) -> None:
    async def refuse_after_one(requests: AsyncIterator[Text], _context: Context) -> Text:
        async for _ in requests:
            raise Conflict("Stale etag.")
        return Text()

    stub = EchoStub(connect(await start_server(EchoServicer(join=refuse_after_one))))

    async def send_two() -> None:
        call = stub.Join()
        with translating("echo"):
            await call.write(Text(value="a"))
            await call.write(Text(value="b"))
            await call.done_writing()
            await call

    for _ in range(200):
        with pytest.raises(Conflict):
            await send_two()


@pytest.mark.parametrize("send", [send_joined, send_talked], ids=lambda send: send.__name__)
async def test_a_source_of_requests_that_fails_is_told_as_it_is(
    start_server: StartServer, connect: Connect, send: Send
) -> None:
    async def broken() -> AsyncIterator[Text]:
        yield Text(value="x")
        raise ValueError("line 2 is no JSON")

    server = await start_server()

    with pytest.raises(ValueError, match="line 2"):
        await send(EchoStub(connect(server)), broken())


async def test_quiet_streams_say_nothing_about_their_peer(
    start_server: StartServer, connect: Connect
) -> None:
    arrived, now = asyncio.Event(), [0.0]

    async def quiet(request: Text, _context: Context) -> AsyncIterator[Text]:
        arrived.set()
        await asyncio.Event().wait()
        yield request

    async def follow(stub: EchoStub) -> None:
        async for _ in stub.Watch(Text()):
            pytest.fail("it is quiet")

    server = await start_server(EchoServicer(watch=quiet))
    breaker = Breaker("echo", budget_seconds=0.01, reset_seconds=60.0, clock=lambda: now[0])
    stub = EchoStub(connect(server, breaker=breaker))

    for _ in range(5):
        with pytest.raises(grpc.aio.AioRpcError, match="Deadline"):
            await stub.Watch(Text(), timeout=0.05).read()
        arrived.clear()
        reader = asyncio.create_task(follow(stub))
        await arrived.wait()
        now[0] += 3600.0
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

    assert breaker.state is State.CLOSED


async def test_closing_the_iterator_ends_the_call(start_server: StartServer, connect: Connect) -> None:
    ended = asyncio.Event()

    async def endless(request: Text, _context: Context) -> AsyncIterator[Text]:
        try:
            while True:
                yield request
        finally:
            ended.set()

    server = await start_server(EchoServicer(watch=endless))
    call = EchoStub(connect(server)).Watch(Text(value="x"))
    responses = call.__aiter__()
    assert (await anext(responses)).value == "x"
    assert isinstance(responses, AsyncGenerator)
    await responses.aclose()

    async with asyncio.timeout(10):
        await ended.wait()
    assert call.cancelled()
