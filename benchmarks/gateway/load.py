"""Load over connections that stay open, each asking again as soon as it is answered."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

LONGEST_SECONDS: Final = 600.0
_ACCEPTED: Final = (b"200", b"202")


@dataclass(slots=True)
class Load:
    """What came back.

    Attributes:
        seconds: Time that all of it took.
        took: Time of each answer, in seconds.
        refused: Answers with 503.
        failed: Answers with another status than 200 and 202, and connections that broke.
        body_bytes: Size of the last answer's body.
    """

    seconds: float = 0.0
    took: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    body_bytes: int = 0


class _Asking(asyncio.Protocol):
    """One connection."""

    def __init__(self, requests: Sequence[bytes], left: list[int], load: Load, done: asyncio.Event) -> None:
        self._requests = requests
        self._left = left
        self._load = load
        self._done = done
        self._answer = bytearray()
        self._needs = 0
        self._asked_at = 0.0
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - TCP
        self._transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        if not self._needs:
            head = self._answer.find(b"\r\n\r\n")
            if head < 0:
                return
            lower = self._answer[:head].lower()
            at = lower.index(b"content-length: ") + len(b"content-length: ")
            self._needs = head + 4 + int(lower[at : (lower.find(b"\r", at) + 1 or len(lower) + 1) - 1])
            self._load.body_bytes = self._needs - head - 4
        if len(self._answer) >= self._needs:
            self._took(bytes(self._answer[9:12]))
            self._answer.clear()
            self._needs = 0
            self._ask()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio names it
        if not self._done.is_set() and self._left[0] > 0:
            self._load.failed += 1
            self._done.set()

    def _took(self, status: bytes) -> None:
        if status in _ACCEPTED:
            self._load.took.append(time.perf_counter() - self._asked_at)
        elif status == b"503":
            self._load.refused += 1
        else:
            self._load.failed += 1
        self._left[1] -= 1

    def _ask(self) -> None:
        if self._left[0] <= 0:
            self._transport.close()
            if self._left[1] <= 0:
                self._done.set()
            return
        self._left[0] -= 1
        self._asked_at = time.perf_counter()
        self._transport.write(self._requests[self._left[0] % len(self._requests)])


async def ask(port: int, requests: Sequence[bytes], *, count: int, connections: int) -> Load:
    """Asks `count` times, the requests in turn, over so many connections at a time."""
    load, done, left = Load(), asyncio.Event(), [count, count]
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    async with asyncio.timeout(LONGEST_SECONDS):
        for _ in range(connections):
            await loop.create_connection(lambda: _Asking(requests, left, load, done), "127.0.0.1", port)
        await done.wait()
    load.seconds = time.perf_counter() - started
    return load


def post(path: str, body: bytes, *headers: str) -> bytes:
    """A request as bytes."""
    lines = (
        f"POST {path} HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def first_byte_seconds(port: int, request: bytes) -> float:
    """Time from a request on a new connection to the first byte of its streamed answer's body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    started = time.perf_counter()
    writer.write(request)
    await reader.readuntil(b"\r\n\r\n")
    await reader.readexactly(1)
    seconds = time.perf_counter() - started
    await reader.readuntil(b"\r\n0\r\n\r\n")
    writer.close()
    return seconds
