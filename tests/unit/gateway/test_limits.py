"""Shedding load, and counting an address, called as the server calls it."""

import asyncio
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.buckets import LocalBuckets, Meter, Rate
from gateway.limits import Admission, LimitMetrics, RateLimit, address_of
from tests.support.waiting import eventually


class Work:
    """An application that answers when it is told to."""

    def __init__(self, content_type: bytes = b"application/json") -> None:
        self.running = 0
        self.go_on = asyncio.Event()
        self._content_type = content_type

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        self.running += 1
        headers = [(b"content-type", self._content_type)]
        if self._content_type.startswith(b"text/event-stream"):
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await self.go_on.wait()
        else:
            await self.go_on.wait()
            await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})
        self.running -= 1


async def status_of(
    app: ASGIApp, path: str = "/api/search", address: str = "127.0.0.1", **headers: str
) -> int:
    sent: list[Message] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": listed, "query_string": b""}
    scope["client"] = (address, 1)
    await app(scope, receive, send)
    return int(sent[0]["status"])


def admission(work: Work, *, requests: int = 2, streams: int = 2) -> Admission:
    return Admission(work, requests, streams, LimitMetrics(CollectorRegistry()))


async def begun(work: Work, count: int) -> None:
    await eventually(lambda: work.running >= count)


async def test_more_than_can_be_done_is_refused_at_once_and_probes_are_not() -> None:
    work = Work()
    app = admission(work)
    waiting = [asyncio.create_task(status_of(app)) for _ in range(2)]
    await begun(work, 2)
    refused = await status_of(app)
    probe = asyncio.create_task(status_of(app, "/livez"))
    await begun(work, 3)
    work.go_on.set()

    assert refused == 503
    assert await probe == 200
    assert await asyncio.gather(*waiting) == [200, 200]
    assert await status_of(app) == 200


async def test_a_stream_takes_no_place_of_a_request_once_it_has_begun() -> None:
    work = Work(b"text/event-stream; charset=utf-8")
    app = admission(work, requests=1, streams=2)
    streams = []
    for number in range(2):
        streams.append(asyncio.create_task(status_of(app, accept="text/event-stream")))
        await begun(work, number + 1)
    refused = await status_of(app, accept="text/event-stream")
    plain = asyncio.create_task(status_of(app))
    await begun(work, 3)
    work.go_on.set()

    assert refused == 503
    assert await plain == 200
    assert await asyncio.gather(*streams) == [200, 200]


async def test_an_address_elsewhere_has_so_many_requests_and_this_machine_any_number() -> None:
    work, registry, now = Work(), CollectorRegistry(), 0.0
    work.go_on.set()
    meter = Meter(LocalBuckets(lambda: now), lambda: now)
    app = RateLimit(work, meter, Rate("address", 2, 10.0), address_of, LimitMetrics(registry))

    async def asked(address: str, path: str = "/api/search") -> list[int]:
        return [await status_of(app, path, address) for _ in range(3)]

    assert await asked("203.0.113.7") == [200, 200, 429]
    assert await asked("2001:db8::7") == [200, 200, 429]
    assert await asked("127.0.0.1") == [200, 200, 200]
    assert await asked("::1") == [200, 200, 200]
    assert await asked("203.0.113.7", "/livez") == [200, 200, 200]
    assert registry.get_sample_value("mcai_http_refused_total", {"reason": "address"}) == 2
    now = 5.0
    assert await asked("203.0.113.7") == [200, 429, 429]
