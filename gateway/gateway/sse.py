"""Server-sent events.

https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
from starlette.responses import StreamingResponse

from gateway import problems
from servicekit.errors import DeadlineExceeded, ServiceError

MEDIA_TYPE: Final = "text/event-stream"
_HEADERS: Final = {"cache-control": "no-store", "x-accel-buffering": "no"}
_KEEP_ALIVE: Final = b": keep-alive\n\n"


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `data` is sent as JSON, `id` comes back as Last-Event-ID from a client that reconnects.

    An event without a name is what JavaScript calls a "message".
    """

    name: str
    data: Any
    id: str | None = None

    def encode(self) -> bytes:
        """Returns the event as bytes; JSON has no raw line breaks, so the data is one line."""
        head = f"id: {self.id}\n" if self.id is not None else ""
        name = f"event: {self.name}\n" if self.name else ""
        return f"{head}{name}data: ".encode() + msgspec.json.encode(self.data) + b"\n\n"


@dataclass(frozen=True, slots=True)
class Convention:
    """How a stream tells an error after its first byte, and its end.

    Attributes:
        error: Makes the event of an error.
        end: Bytes after the last event, unless there was an error.
    """

    error: Callable[[ServiceError], Event]
    end: bytes


OURS: Final = Convention(lambda error: Event("error", problems.problem_of(error)), b"")
"""An event named "error" with the problem; the last event is named by what it is, such as "done"."""
OPENAI: Final = Convention(lambda error: Event("", problems.error_body_of(error)), b"data: [DONE]\n\n")
"""As OpenAI: https://platform.openai.com/docs/api-reference/chat-streaming."""


async def numbered(events: AsyncGenerator[Event, None], stream: str | None) -> AsyncGenerator[Event, None]:
    """Gives the events of a named stream their ids, `STREAM:NUMBER` from 1."""
    number = 0
    async with aclosing(events):
        async for event in events:
            number += 1
            yield event if stream is None else replace(event, id=f"{stream}:{number}")


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
    events: AsyncGenerator[Event, None],
    *,
    keep_alive_seconds: float,
    longest_seconds: float | None = None,
    ending: asyncio.Event | None = None,
    convention: Convention = OURS,
) -> StreamingResponse:
    """Returns the answer that streams the events.

    Args:
        events: What is sent; it is closed when the client goes away.
        keep_alive_seconds: A stream that is silent for that long gets a comment.
        longest_seconds: A stream that takes longer ends with an error.
        ending: Ends the stream when it is set, for those that have no end; a client reconnects by itself.
        convention: How errors and the end are told.
    """
    pieces = _encoded(events, _Pace(keep_alive_seconds, longest_seconds, ending), convention)
    return StreamingResponse(pieces, media_type=MEDIA_TYPE, headers=_HEADERS)


@dataclass(frozen=True, slots=True)
class _Pace:
    keep_alive_seconds: float
    longest_seconds: float | None
    ending: asyncio.Event | None


async def _encoded(
    events: AsyncGenerator[Event, None], pace: _Pace, convention: Convention
) -> AsyncGenerator[bytes, None]:
    stop = asyncio.ensure_future((pace.ending or asyncio.Event()).wait())
    try:
        async with aclosing(events), aclosing(_pieces(events, pace, stop)) as pieces:
            async for piece in pieces:
                yield piece
        if convention.end:
            yield convention.end
    except ServiceError as error:
        yield convention.error(error).encode()
    finally:
        stop.cancel()


async def _pieces(
    events: AsyncGenerator[Event, None], pace: _Pace, stop: "asyncio.Future[Any]"
) -> AsyncGenerator[bytes, None]:
    clock = asyncio.get_running_loop().time
    last_moment = clock() + pace.longest_seconds if pace.longest_seconds is not None else float("inf")
    upcoming: asyncio.Future[Event] | None = None
    try:
        while True:
            upcoming = upcoming or asyncio.ensure_future(anext(events))
            patience = min(pace.keep_alive_seconds, last_moment - clock())
            done, _ = await asyncio.wait(
                (upcoming, stop), timeout=max(0.0, patience), return_when=asyncio.FIRST_COMPLETED
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
            elif clock() >= last_moment:
                raise DeadlineExceeded("The stream has taken as long as it may.")
            else:
                yield _KEEP_ALIVE
    finally:
        if upcoming is not None:
            upcoming.cancel()
            await asyncio.gather(upcoming, return_exceptions=True)
