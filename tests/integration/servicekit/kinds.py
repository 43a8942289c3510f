"""A call of each kind, for tests that hold for all of them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from tests.support.echo_service import FULL_NAME, Context, EchoServicer, EchoStub, Text

Call = Callable[[EchoStub], Awaitable[list[str]]]


async def requests(*values: str) -> AsyncIterator[Text]:
    for value in values:
        yield Text(value=value)


async def call_unary(stub: EchoStub) -> list[str]:
    return [(await stub.Unary(Text(value="x"))).value]


async def call_repeat(stub: EchoStub) -> list[str]:
    return [answer.value async for answer in stub.Repeat(Text(value="x"))]


async def call_join(stub: EchoStub) -> list[str]:
    return [(await stub.Join(requests("x", "y"))).value]


async def call_talk(stub: EchoStub) -> list[str]:
    return [answer.value async for answer in stub.Talk(requests("x", "y"))]


async def call_read(stub: EchoStub) -> list[str]:
    """Reads a stream one by one, and writes one likewise."""
    call: Any = stub.Talk()  # the stubs of gRPC do not know that `read` ends with EOF
    answers: list[str] = []
    for value in ("x", "y"):
        await call.write(Text(value=value))
    await call.done_writing()
    while (answer := await call.read()) is not grpc.aio.EOF:
        answers.append(answer.value)
    return answers


KINDS = pytest.mark.parametrize(
    "call", [call_unary, call_repeat, call_join, call_talk, call_read], ids=lambda call: call.__name__
)


class Reporting(EchoServicer):
    """Answers, or raises, by what `tell` makes of the context that it runs in.

    It reads what it is sent first: gRPC may lose the end of a call that meets a write.
    """

    def __init__(self, tell: Callable[[], str]) -> None:
        async def unary(_request: Any, _context: Context) -> Text:
            return Text(value=tell())

        async def stream(_request: Any, _context: Context) -> AsyncIterator[Text]:
            yield Text(value=tell())

        async def joined(requests: AsyncIterator[Any], _context: Context) -> Text:
            async for _ in requests:
                pass
            return Text(value=tell())

        async def talked(requests: AsyncIterator[Any], _context: Context) -> AsyncIterator[Text]:
            async for _ in requests:
                pass
            yield Text(value=tell())

        super().__init__(unary, stream, stream, joined, talked, unary)


def handled(registry: CollectorRegistry, method: str, code: str) -> float | None:
    labels = {"service": FULL_NAME, "method": method, "code": code}
    return registry.get_sample_value("mcai_grpc_server_handled_total", labels)
