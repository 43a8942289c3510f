"""Load from clients that stay connected, over some addresses, counting every request that fails.

They do what a balancer does and no more: an address that refuses the connection is passed over for the next
one, since nothing was sent. Whatever goes wrong after that is a failure; nothing is sent twice.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support.waiting import eventually

Address = tuple[str, int]
Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]
ANSWER_SECONDS = 30.0


@dataclass(slots=True)
class Load:
    """What became of the requests so far."""

    answered: int = 0
    failures: list[str] = field(default_factory=list)
    by: dict[Address, int] = field(default_factory=dict)

    async def at_least(self, more: int) -> None:
        """Waits until so many more have been answered."""
        goal = self.answered + more

        async def reached() -> bool:
            return self.answered + len(self.failures) >= goal

        await eventually(reached, 10 * ANSWER_SECONDS)


@asynccontextmanager
async def load(
    addresses: Callable[[], Sequence[Address]], request: bytes, *, clients: int = 8
) -> AsyncIterator[Load]:
    """Asks all the time, until the block ends."""
    seen, stop = Load(), asyncio.Event()
    asking = [asyncio.create_task(_ask(addresses, request, number, seen, stop)) for number in range(clients)]
    try:
        yield seen
    finally:
        stop.set()
        await asyncio.gather(*asking)


async def _ask(
    addresses: Callable[[], Sequence[Address]], request: bytes, turn: int, seen: Load, stop: asyncio.Event
) -> None:
    connection: Connection | None = None
    where: Address = ("", 0)
    while not stop.is_set():
        try:
            if connection is None:
                turn += 1
                connection, where = await _connected(addresses(), turn)
            async with asyncio.timeout(ANSWER_SECONDS):
                status, stays = await _answer(connection, request)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            seen.failures.append(f"{where}: {error!r}")
            status, stays = b"", False
        if status.startswith(b"2"):
            seen.answered += 1
            seen.by[where] = seen.by.get(where, 0) + 1
        elif status:
            seen.failures.append(f"{where}: {status.decode()}")
        if not stays and connection is not None:
            connection[1].close()
            connection = None
    if connection is not None:
        connection[1].close()


async def _connected(addresses: Sequence[Address], turn: int) -> tuple[Connection, Address]:
    for offset in range(len(addresses)):
        address = addresses[(turn + offset) % len(addresses)]
        try:
            async with asyncio.timeout(1.0):
                return await asyncio.open_connection(*address), address
        except (OSError, TimeoutError):  # nobody is there, so nothing was sent
            continue
    raise OSError("no address takes a connection")


async def _answer(connection: Connection, request: bytes) -> tuple[bytes, bool]:
    """The status, and whether the connection stays."""
    reader, writer = connection
    writer.write(request)
    await writer.drain()
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length))
    return head.split(b" ", 2)[1], b"connection: close" not in head


def chat_request(message: str, *headers: str) -> bytes:
    """A question to the chat, as bytes."""
    body = f'{{"message": "{message}"}}'
    lines = [
        "POST /api/chat HTTP/1.1",
        "host: localhost",
        "content-type: application/json",
        f"content-length: {len(body)}",
        *headers,
    ]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()
