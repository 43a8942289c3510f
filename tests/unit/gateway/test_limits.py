"""Shedding load, called as the server calls it."""

import asyncio
from typing import Any

from prometheus_client import CollectorRegistry
from starlette.types import Message, Receive, Scope, Send

from gateway.limits import Admission, LimitMetrics
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


async def status_of(app: Admission, path: str = "/api/search", **headers: str) -> int:
    sent: list[Message] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    async def send(message: Message) -> None:
        sent.append(message)

    listed = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": listed, "query_string": b""}
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
