"""Nobody holds a connection, or what is behind it, by sending or reading slowly."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.support.gateway_house import House, gateway_house
from tests.support.waiting import eventually

LONG_SECONDS = 30.0
SHORT: dict[str, Any] = {
    "head_timeout_seconds": 0.2,
    "stalled_timeout_seconds": 0.2,
    "upload_timeout_seconds": 0.2,
}
JSON_HEAD = b"POST /api/chat HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
IMPORT_HEAD = (
    b"POST /api/datasets/slow:import HTTP/1.1\r\nhost: localhost\r\n"
    b"content-type: application/x-ndjson\r\ntransfer-encoding: chunked\r\n\r\n"
)


@asynccontextmanager
async def connection(house: House) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def answer_to(house: House, *pieces: bytes) -> bytes:
    """Everything that comes back until the gateway closes the connection."""
    async with connection(house) as (reader, writer), asyncio.timeout(LONG_SECONDS):
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()


def is_problem(answer: bytes, status: int) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return (
        head.startswith(f"HTTP/1.1 {status} ".encode())
        and b"content-type: application/problem+json" in head
        and b'"detail"' in body
    )


async def test_a_head_that_does_not_arrive_in_time_is_refused() -> None:
    async with gateway_house(**SHORT) as house:
        assert await answer_to(house) == b""
        assert is_problem(await answer_to(house, b"POST /api/chat HTTP/1.1\r\nhost: lo"), 408)
        async with connection(house) as (reader, writer), asyncio.timeout(LONG_SECONDS):
            writer.write(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
            assert b"200 OK" in await reader.readuntil(b"}")
            # Nor is the second request of a connection waited for any longer.
            writer.write(b"POST /api/ch")
            assert is_problem(await reader.read(), 408)


async def test_a_head_that_never_ends_is_refused_at_its_limit() -> None:
    async with gateway_house(with_rows=False) as house:
        for piece in (b"GET /" + b"x" * 70_000, b"GET / HTTP/1.1\r\nx-a: " + b"x" * 70_000):
            assert is_problem(await answer_to(house, piece), 431)


async def test_a_body_that_does_not_arrive_in_time_is_refused_and_its_rest_not_waited_for() -> None:
    async with gateway_house(**SHORT, request_timeout_seconds=0.3) as house:
        assert is_problem(await answer_to(house, JSON_HEAD + b'content-length: 99\r\n\r\n{"mess'), 408)
        assert is_problem(await answer_to(house, IMPORT_HEAD + b"1\r\n{\r\n"), 408)


@pytest.mark.parametrize(
    "head", [b"GET / HTTP/1.1\r\nx-a: ", JSON_HEAD + b"connection: close\r\ncontent-length: 4000000\r\n\r\n"]
)
async def test_who_is_still_sending_gets_the_answer_too(head: bytes) -> None:
    async with gateway_house(with_rows=False) as house:
        answer = await answer_to(house, head + b"x" * 4_000_000)

        assert is_problem(answer, 431 if b"x-a" in head else 413)


async def test_what_is_not_http_gets_a_problem() -> None:
    async with gateway_house(with_rows=False) as house:
        assert is_problem(await answer_to(house, b"\x16\x03\x01\x02\x00\x01"), 400)


async def test_one_connection_too_many_is_told_so() -> None:
    # The third is the client's own.
    async with (
        gateway_house(with_rows=False, max_connections=3) as house,
        connection(house),
        connection(house),
    ):

        async def refused() -> bool:
            return is_problem(await answer_to(house, b""), 503)

        await eventually(refused)


async def test_a_connection_lives_for_so_many_requests() -> None:
    async with gateway_house(with_rows=False, max_connection_requests=3) as house:
        request = b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n"
        answer = await answer_to(house, request * 5)

        assert answer.count(b"HTTP/1.1 200 ") == 3
        assert answer.count(b"connection: close") == 1


async def test_a_client_that_stops_reading_is_cut_off_and_holds_nothing() -> None:
    async with gateway_house(**SHORT) as house:
        rows = [f'{{"prompt": "number {n}", "response": "{"x" * 20_000}"}}' for n in range(400)]
        imported = await house.client.post(
            "/api/datasets/large:import",
            content="\n".join(rows),
            headers={"content-type": "application/x-ndjson"},
        )
        assert imported.json()["report"]["added"] == 400
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", house.listener.port))
            deaf.sendall(b"GET /api/datasets/large:export HTTP/1.1\r\nhost: localhost\r\n\r\n")

            await eventually(lambda: _running(house, 2), LONG_SECONDS)  # it and the question itself
            await eventually(lambda: _running(house, 1), LONG_SECONDS)


async def _running(house: House, count: int) -> bool:
    text = (await house.client.get("/metrics")).text
    return f"mcai_http_requests_in_progress {count}.0" in text


async def test_a_client_that_goes_away_in_a_stream_stops_the_work() -> None:
    async with gateway_house() as house:
        job = await house.client.post(
            "/api/cymatic/generate", json={"frequency_hz": 15_000, "size_pixels": 2048}
        )
        async with connection(house) as (reader, writer):
            path = f"/api/tasks/{job.json()['job_id']}/events"
            writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\n\r\n".encode())
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
            assert "WatchTask" in await _what_runs(house)

        async def nobody_watches() -> bool:
            return "WatchTask" not in await _what_runs(house)

        await eventually(nobody_watches, LONG_SECONDS)


async def _what_runs(house: House) -> str:
    return (await house.client.get("/api/system/debug/tasks", params={"service": "task-svc"})).text
