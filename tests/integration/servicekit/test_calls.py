"""What happens around a call: context in, status and trailers out, for all kinds of RPC."""

import asyncio
from typing import Never

import grpc
import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from servicekit import deadline, degrade, logs, metadata_keys, tracing
from servicekit.errors import Conflict, Internal, LimitExceeded, NotYetImplemented, translating
from tests.integration.servicekit.conftest import Connect, StartServer
from tests.integration.servicekit.kinds import KINDS, Call, Reporting, call_repeat, call_unary, handled
from tests.support.echo_service import FULL_NAME, Context, EchoServicer, EchoStub, Text
from tests.support.waiting import eventually


@KINDS
async def test_each_kind_of_call_goes_through(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    server = await start_server()

    assert "".join(await call(EchoStub(connect(server)))) in {"x", "xxx", "xy"}


@KINDS
async def test_the_context_reaches_the_servicer(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    def tell() -> str:
        trace, left = tracing.current(), deadline.remaining()
        assert trace is not None
        assert left is not None
        return f"{logs.request_id()} {trace.trace_id} {0 < left <= 7.0}"

    server = await start_server(Reporting(tell))
    with (
        logs.request_context(request_id="r-1"),
        tracing.span("caller") as span,
        deadline.limit(7.0),
    ):
        answers = await call(EchoStub(connect(server)))

    assert answers == [f"r-1 {span.trace_id} True"]


@KINDS
async def test_what_the_peer_did_without_reaches_the_caller(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    def tell() -> str:
        degrade.note(["redis", "postgres"])
        return "x"

    server = await start_server(Reporting(tell))
    with degrade.collecting() as names:
        await call(EchoStub(connect(server)))

    assert names == {"redis", "postgres"}


@KINDS
async def test_an_error_travels_with_its_reason(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    def tell() -> Never:
        degrade.note(["redis"])
        raise LimitExceeded("Ten at a time.", retry_after_seconds=1.5, metadata={"limit": "10"})

    server = await start_server(Reporting(tell))
    with (
        degrade.collecting() as names,
        pytest.raises(LimitExceeded, match="Ten at a time") as raised,
        translating("echo"),
    ):
        await call(EchoStub(connect(server)))

    assert (raised.value.metadata, raised.value.retry_after_seconds) == ({"limit": "10"}, 1.5)
    assert names == {"redis"}, "an error is told with what it was made without, too"


@KINDS
async def test_a_fault_is_told_without_its_internals_and_logged_with_them(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    def tell() -> Never:
        raise KeyError("/secret/path")

    server = await start_server(Reporting(tell))
    with (
        capture_logs() as lines,
        logs.request_context(request_id="r-2"),
        pytest.raises(Internal) as raised,
        translating("echo"),
    ):
        await call(EchoStub(connect(server)))

    assert "r-2" in raised.value.message
    assert "secret" not in raised.value.message
    assert [line["exc_info"] for line in lines if line["event"] == "unexpected error"] == [True]


async def test_a_method_that_is_not_there_yet_says_so(start_server: StartServer, connect: Connect) -> None:
    def tell() -> Never:
        raise NotImplementedError("Method not implemented!")

    server = await start_server(Reporting(tell))

    with pytest.raises(NotYetImplemented, match="Unary") as raised, translating("echo"):
        await call_unary(EchoStub(connect(server)))
    assert raised.value.reason == "NOT_YET_IMPLEMENTED"


async def test_a_servicer_may_abort_by_itself(start_server: StartServer, connect: Connect) -> None:
    async def abort(_request: Text, context: Context) -> Text:
        await context.abort(grpc.StatusCode.NOT_FOUND, "gone")
        raise AssertionError

    registry = CollectorRegistry()
    server = await start_server(EchoServicer(unary=abort), registry=registry)

    with pytest.raises(grpc.aio.AioRpcError, match="gone") as raised:
        await call_unary(EchoStub(connect(server)))
    assert raised.value.code() is grpc.StatusCode.NOT_FOUND

    async def counted() -> bool:
        return handled(registry, "Unary", "NOT_FOUND") == 1

    # The caller hears of an abort before the servicer's own call of it has come back.
    await eventually(counted)


async def test_a_writing_servicer_is_as_good_as_a_generator(
    start_server: StartServer, connect: Connect
) -> None:
    async def write(request: Text, context: Context) -> None:
        for _ in range(2):
            await context.write(Text(value=f"{request.value} {logs.request_id()}"))

    server = await start_server(EchoServicer(repeat=write))

    with logs.request_context(request_id="r-3"):
        assert await call_repeat(EchoStub(connect(server))) == ["x r-3", "x r-3"]


async def test_the_request_id_comes_back_and_a_malformed_one_is_replaced(
    start_server: StartServer, connect: Connect
) -> None:
    server = await start_server()
    stub = EchoStub(connect(server))

    async def returned(request_id: str | None) -> str:
        with logs.request_context(request_id=request_id):
            call = stub.Unary(Text(value="x"))
            await call
            return str((await call.trailing_metadata())[metadata_keys.REQUEST_ID])

    assert await returned("abc-1") == "abc-1"
    assert await returned("two words") not in {"two words", ""}
    assert await returned(None)


async def test_a_callers_trailers_are_kept_beside_ours(start_server: StartServer, connect: Connect) -> None:
    async def unary(request: Text, context: Context) -> Text:
        context.set_trailing_metadata([("x-own", "1")])
        return request

    server = await start_server(EchoServicer(unary=unary))
    call = EchoStub(connect(server)).Unary(Text(value="x"))
    await call

    trailers = await call.trailing_metadata()
    assert trailers["x-own"] == "1"
    assert trailers[metadata_keys.REQUEST_ID]


@pytest.mark.parametrize("token", [None, "wrong", "s3cre", "s3crett"])
async def test_without_the_service_token_nothing_is_done(
    start_server: StartServer, connect: Connect, token: str | None
) -> None:
    server = await start_server(service_token="s3cret")

    with pytest.raises(grpc.aio.AioRpcError) as raised:
        await call_unary(EchoStub(connect(server, token=token)))
    assert raised.value.code() is grpc.StatusCode.UNAUTHENTICATED


@KINDS
async def test_with_the_service_token_all_is_open(
    start_server: StartServer, connect: Connect, call: Call
) -> None:
    server = await start_server(service_token="s3cret")

    assert await call(EchoStub(connect(server, token="s3cret")))


async def test_no_deadline_means_none(start_server: StartServer) -> None:
    server = await start_server(Reporting(lambda: str(deadline.remaining())))

    async with grpc.aio.insecure_channel(server.address) as bare:  # noqa: TID251 - our channel always sets one
        assert await call_unary(EchoStub(bare)) == ["None"]


async def test_the_log_has_a_line_a_call_and_none_of_its_contents(
    start_server: StartServer, connect: Connect
) -> None:
    async def refuse(_request: Text, _context: Context) -> Text:
        raise Conflict("Stale etag.")

    server = await start_server(EchoServicer(change=refuse))
    stub = EchoStub(connect(server))
    with capture_logs() as lines:
        await stub.Unary(Text(value="private words"))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Change(Text(value="private words"))

    told = [(line["rpc"], line["code"], line["log_level"]) for line in lines if "rpc" in line]
    assert told == [(f"{FULL_NAME}/Unary", "OK", "debug"), (f"{FULL_NAME}/Change", "ABORTED", "info")]
    assert "private" not in str(lines)


async def test_metrics_count_by_method_and_code_and_unknown_methods_not_at_all(
    start_server: StartServer, connect: Connect
) -> None:
    def tell() -> Never:
        raise Conflict("Stale etag.")

    registry = CollectorRegistry()
    server = await start_server(Reporting(tell), registry=registry)
    channel = connect(server)
    for _ in range(2):
        with pytest.raises(grpc.aio.AioRpcError):
            await call_unary(EchoStub(channel))
    unknown: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary("/mcai.test.v1.Echo/Random")
    with pytest.raises(grpc.aio.AioRpcError, match="Method not found"):
        await unknown(b"")

    assert handled(registry, "Unary", "ABORTED") == 2
    methods = {sample.labels.get("method") for metric in registry.collect() for sample in metric.samples}
    assert "Random" not in methods


async def test_calls_do_not_share_their_context(start_server: StartServer, connect: Connect) -> None:
    arrived: list[str] = []
    go = asyncio.Event()

    async def unary(request: Text, _context: Context) -> Text:
        arrived.append(request.value)
        if len(arrived) == 2:
            go.set()
        await go.wait()
        degrade.note([request.value])
        return Text(value=f"{request.value} {logs.request_id()}")

    server = await start_server(EchoServicer(unary=unary))
    stub = EchoStub(connect(server))

    async def one(name: str) -> tuple[str, set[str]]:
        with logs.request_context(request_id=f"id-{name}"), degrade.collecting() as names:
            return (await stub.Unary(Text(value=name))).value, names

    first, second = await asyncio.gather(one("a"), one("b"))
    assert first == ("a id-a", {"a"})
    assert second == ("b id-b", {"b"})
