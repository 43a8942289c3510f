"""Event streams: their bytes, their silences and their ends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any, cast

import pytest

from gateway import sse
from servicekit.errors import NotFound, PeerUnavailable

NEVER_SECONDS = 3600.0


async def counted(upto: int, closed: list[bool] | None = None) -> AsyncGenerator[sse.Event, None]:
    try:
        for number in range(upto):
            yield sse.Event("number", {"n": number}, id=str(number))
    finally:
        if closed is not None:
            closed.append(True)


def streamed(
    events: AsyncGenerator[sse.Event, None],
    ending: asyncio.Event | None = None,
    keep_alive: float = NEVER_SECONDS,
) -> AsyncIterator[bytes]:
    response = sse.response(events, keep_alive_seconds=keep_alive, ending=ending or asyncio.Event())
    assert response.media_type == "text/event-stream"
    assert response.headers["cache-control"] == "no-store"
    return cast("AsyncIterator[bytes]", response.body_iterator)


def test_an_event_is_one_line_of_json() -> None:
    event = sse.Event("delta", {"text": "two\nlines\r\n\u2028"}, id="7")

    assert event.encode().startswith(b'id: 7\nevent: delta\ndata: {"text":"two\\nlines\\r\\n')
    assert event.encode().endswith(b"\n\n")
    assert event.encode().count(b"\n") == 4


async def test_all_events_come_in_order() -> None:
    pieces = [piece async for piece in streamed(counted(3))]

    assert pieces == [f'id: {n}\nevent: number\ndata: {{"n":{n}}}\n\n'.encode() for n in range(3)]


async def test_a_silent_stream_is_kept_alive() -> None:
    go_on = asyncio.Event()

    async def silent() -> AsyncGenerator[sse.Event, None]:
        await go_on.wait()
        yield sse.Event("late", None)

    pieces = streamed(silent(), keep_alive=0.001)
    assert await anext(pieces) == b": keep-alive\n\n"
    go_on.set()
    rest = [piece async for piece in pieces]
    assert rest[-1] == b"event: late\ndata: null\n\n"


async def test_an_error_on_the_way_is_the_last_event() -> None:
    async def breaking() -> AsyncGenerator[sse.Event, None]:
        yield sse.Event("first", 1)
        raise PeerUnavailable("It went away.")

    pieces = [piece async for piece in streamed(breaking())]
    assert pieces[0] == b"event: first\ndata: 1\n\n"
    assert pieces[1].startswith(b"event: error\ndata: {")
    assert b"It went away." in pieces[1]


async def test_an_endless_stream_ends_with_the_gateway() -> None:
    ending, closed = asyncio.Event(), []

    async def endless() -> AsyncGenerator[sse.Event, None]:
        try:
            yield sse.Event("first", 1)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    pieces = streamed(endless(), ending)
    await anext(pieces)
    ending.set()
    assert [piece async for piece in pieces] == []
    assert closed == [True]


@pytest.mark.parametrize(
    ("convention", "told"),
    [(sse.OURS, b"event: error\ndata: {"), (sse.OPENAI, b'data: {"error":{')],
    ids=["ours", "openai"],
)
async def test_a_stream_that_takes_too_long_ends_with_an_error(
    convention: sse.Convention, told: bytes
) -> None:
    closed = []

    async def slow() -> AsyncGenerator[sse.Event, None]:
        try:
            yield sse.Event("first", 1)
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    response = sse.response(
        slow(), keep_alive_seconds=NEVER_SECONDS, longest_seconds=0.01, convention=convention
    )
    pieces = [bytes(piece) async for piece in cast("AsyncIterator[bytes]", response.body_iterator)]

    assert pieces[0] == b"event: first\ndata: 1\n\n"
    assert pieces[1].startswith(told)
    assert b"as long as it may" in pieces[1]
    assert len(pieces) == 2
    assert closed == [True]


async def test_a_reader_who_leaves_closes_the_source() -> None:
    closed: list[bool] = []
    pieces: Any = streamed(counted(3, closed))
    await anext(pieces)
    await pieces.aclose()

    assert closed == [True]


async def test_what_fails_before_the_first_event_is_raised() -> None:
    async def failing() -> AsyncGenerator[sse.Event, None]:
        if not asyncio.Event().is_set():
            raise NotFound("There is none.")
        yield sse.Event("never", 1)

    with pytest.raises(NotFound):
        await sse.begun(failing())


async def test_what_has_begun_is_whole() -> None:
    for upto in (0, 1, 3):
        events = await sse.begun(counted(upto))
        assert [event.data["n"] async for event in events] == list(range(upto))
