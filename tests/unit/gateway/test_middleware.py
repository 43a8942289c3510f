"""What surrounds each request, called as the server calls it."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.metrics import GatewayMetrics
from gateway.middleware import BodyLimit, Context, Refusals
from gateway.problems import BodyTooLarge
from servicekit import deadline, degrade, logs, tracing

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Answer:
    """What an application sent."""

    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def __call__(self, message: Message) -> None:
        self.messages.append(message)

    @property
    def status(self) -> int:
        return int(self.messages[0]["status"])

    @property
    def headers(self) -> dict[str, str]:
        return {key.decode(): value.decode() for key, value in self.messages[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.messages[1:])


def scope(
    method: str = "GET", path: str = "/x", headers: dict[str, str] | None = None, query: str = ""
) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [
            (key.encode(), value.encode()) for key, value in {"host": "x", **(headers or {})}.items()
        ],
    }


async def call(app: ASGIApp, about: Scope, chunks: Iterable[bytes] = (b"",)) -> Answer:
    waiting = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    waiting[-1]["more_body"] = False
    messages, answer = iter(waiting), Answer()

    async def receive() -> Any:
        return next(messages)

    await app(about, receive, answer)
    return answer


async def fine(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"fine"})


@pytest.fixture
def metrics() -> GatewayMetrics:
    return GatewayMetrics(CollectorRegistry())


def context(app: ASGIApp, metrics: GatewayMetrics, timeout_seconds: float = 10.0) -> Context:
    ticks = iter(range(100))
    return Context(app, metrics, timeout_seconds, bytes, clock=lambda: float(next(ticks)))


async def test_the_request_runs_in_its_context(metrics: GatewayMetrics) -> None:
    seen: dict[str, Any] = {}

    async def app(about: Scope, receive: Receive, send: Send) -> None:
        trace = tracing.current()
        seen.update(id=logs.request_id(), left=deadline.remaining(), trace=trace and trace.trace_id)
        degrade.note(["redis", "knowledge-svc"])
        await fine(about, receive, send)

    answer = await call(context(app, metrics), scope(headers={"traceparent": TRACE}))

    assert seen["id"] == "0000000000000000"
    assert 9 < seen["left"] <= 10
    assert seen["trace"] == "0af7651916cd43dd8448eb211c80319c"
    assert answer.headers["x-request-id"] == "0000000000000000"
    assert answer.headers["x-mcai-degraded"] == "knowledge-svc,redis"
    assert logs.request_id() is None
    assert deadline.remaining() is None


@pytest.mark.parametrize("given", ["", "has space", "x" * 129, "a\r\nset-cookie: b", "naïve"])
async def test_a_request_id_that_could_break_out_is_replaced(metrics: GatewayMetrics, given: str) -> None:
    answer = await call(context(fine, metrics), scope(headers={"x-request-id": given}))

    assert answer.headers["x-request-id"] == "0000000000000000"


async def test_requests_are_counted_with_their_time(metrics: GatewayMetrics) -> None:
    await call(context(fine, metrics), scope())
    await call(context(fine, metrics), scope(method="BREW"))

    assert (metrics.totals.requests, metrics.totals.failed) == (2, 0)
    assert metrics.totals.mean_latency_ms == 1000.0


async def test_a_fault_of_ours_is_a_problem(metrics: GatewayMetrics) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError("secret details")

    answer = await call(context(broken, metrics), scope())

    assert answer.status == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert b"secret" not in answer.body
    assert metrics.totals.failed == 1


async def test_an_answer_that_breaks_in_the_middle_is_cut_off(metrics: GatewayMetrics) -> None:
    async def breaking(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await call(context(breaking, metrics), scope())


async def test_a_caller_who_leaves_is_no_fault(metrics: GatewayMetrics) -> None:
    async def left(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await call(context(left, metrics), scope())
    assert (metrics.totals.requests, metrics.totals.failed) == (1, 0)


@pytest.mark.parametrize(
    ("about", "status"),
    [
        (scope(query="x" * 5000), 414),
        (scope(path="/" + "x" * 5000), 414),
        (scope(headers={"x": "y" * 40_000}), 431),
        (scope(path="/a\x00b"), 400),
        (scope(query="q=a%00b"), 400),
        (scope("POST", headers={"sec-fetch-site": "cross-site"}), 403),
        (scope("DELETE", headers={"sec-fetch-site": "same-site"}), 403),
        (scope("GET", headers={"sec-fetch-site": "cross-site"}), 200),
        (scope("POST", headers={"sec-fetch-site": "same-origin"}), 200),
        (scope("POST"), 200),
        ({**scope(), "headers": []}, 400),
        ({**scope(), "headers": [(b"host", b"a"), (b"host", b"b")]}, 400),
        ({**scope(), "headers": [], "http_version": "1.0"}, 200),
        ({**scope(), "headers": [], "http_version": "0.9"}, 400),
    ],
)
async def test_what_no_route_should_see(about: Scope, status: int) -> None:
    assert (await call(Refusals(fine), about)).status == status


async def read_all(about: Scope, receive: Receive, send: Send) -> None:
    more = True
    while more:
        more = (await receive())["more_body"]
    await fine(about, receive, send)


def limited(*, unlimited: bool = False) -> BodyLimit:
    return BodyLimit(read_all, 100, lambda _path: unlimited)


async def test_a_body_within_the_limit_gets_through() -> None:
    assert (await call(limited(), scope("POST"), [b"x" * 60, b"x" * 40])).status == 200


async def test_a_declared_body_is_refused_unread() -> None:
    answer = await call(limited(), scope("POST", headers={"content-length": "101"}))

    assert answer.status == 413


async def test_a_body_whose_length_is_not_told_or_told_twice_is_counted() -> None:
    # Of a body with a length alone, no server passes on more than that.
    for headers in (
        {"transfer-encoding": "chunked"},
        {"transfer-encoding": "chunked", "content-length": "5"},
        {},
    ):
        with pytest.raises(BodyTooLarge):
            await call(limited(), scope("POST", headers=headers), [b"x" * 60, b"x" * 41])
    assert (await call(limited(unlimited=True), scope("POST"), [b"x" * 500])).status == 200


async def test_other_protocols_pass_by(metrics: GatewayMetrics) -> None:
    seen: list[str] = []

    async def app(about: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(about["type"])

    await call(context(Refusals(BodyLimit(app, 1, lambda _path: False)), metrics), {"type": "lifespan"})
    assert seen == ["lifespan"]
    assert metrics.totals.requests == 0
