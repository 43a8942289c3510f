"""Server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from starlette.responses import StreamingResponse

from gateway import problems
from servicekit.errors import ServiceError

MEDIA_TYPE: Final = "text/event-stream"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_KEEP_ALIVE: Final = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `data` is sent as JSON, `id` comes back as Last-Event-ID from a client that reconnects."""

    name: str
    data: Any
    id: str | None = None

    def encode(self) -> bytes:
        """Returns the event as bytes; JSON has no raw line breaks, so the data is one line."""
        head = f"id: {self.id}\n" if self.id is not None else ""
        return f"{head}event: {self.name}\ndata: ".encode() + msgspec.json.encode(self.data) + b"\n\n"


async def begun(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Waits for the first event, so that what goes wrong before it is answered with a status of its own."""
    first = await anext(events, None)

    async def all_of_them() -> AsyncGenerator[Event, None]:
        async with aclosing(events):
            if first is not None:
                yield first
            async for event in events:
                yield event

    return all_of_them()


def response(
    events: AsyncGenerator[Event, None], *, keep_alive_seconds: float, ending: asyncio.Event
) -> StreamingResponse:
    """Returns the answer that streams the events.

    A silent stream gets a comment every `keep_alive_seconds`. An error after the first byte is an event named
    "error" with the problem. When `ending` is set the stream ends; a client reconnects by itself.
    """
    return StreamingResponse(
        _encoded(events, keep_alive_seconds, ending), media_type=MEDIA_TYPE, headers=_HEADERS
    )


async def _encoded(
    events: AsyncGenerator[Event, None], keep_alive_seconds: float, ending: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    stop = asyncio.ensure_future(ending.wait())
    try:
        async with aclosing(events), aclosing(_pieces(events, keep_alive_seconds, stop)) as pieces:
            async for piece in pieces:
                yield piece
    except ServiceError as error:
        yield Event("error", problems.problem_of(error)).encode()
    finally:
        stop.cancel()


async def _pieces(
    events: AsyncGenerator[Event, None], keep_alive_seconds: float, stop: "asyncio.Future[Any]"
) -> AsyncGenerator[bytes, None]:
    upcoming: asyncio.Future[Event] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            done, _ = await asyncio.wait(
                (upcoming, stop), timeout=keep_alive_seconds, return_when=asyncio.FIRST_COMPLETED
            )
            if upcoming in done:
                try:
                    event = upcoming.result()
                except StopAsyncIteration:
                    return
                upcoming = None
                yield event.encode()
            elif stop in done:
                return
            else:
                yield _KEEP_ALIVE
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
