"""Connections to PostgreSQL that are lent out, taken back, and never trusted after a fault.

A small pool of our own and not psycopg's: there, a refused connection still costs its caller the pool's
whole timeout, dead connections are weeded out with a second's pause from the second on, and after an
outage a growing pause stands between the server's return and the next attempt. Here a caller connects in
its own time, so a refusal is known at once, and the first call after the return simply succeeds.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus


class AbandoningConnection(psycopg.AsyncConnection[tuple[Any, ...]]):
    """A connection that a cancelled call gives up at once.

    psycopg would ask the server to cancel and wait up to ten seconds for its answer; a server that is
    silent is the usual reason to cancel here. The closed socket ends the statement on the server.
    """

    async def cancel_safe(self, *, timeout: float = 0.0) -> None:  # noqa: ARG002, ASYNC109 - psycopg's signature
        """Closes the connection."""
        self.pgconn.finish()


class PostgresPool:
    """At most `size` connections at a time, made by `connect` when none is idle; for one event loop."""

    def __init__(self, connect: Callable[[], Awaitable[AbandoningConnection]], size: int) -> None:
        self.size = size
        self._callers = 0
        self._connect = connect
        self._slots = asyncio.Semaphore(size)
        self._idle: list[AbandoningConnection] = []
        self._generation = 0

    @property
    def lent(self) -> int:
        """Connections that are lent at this moment."""
        return min(self._callers, self.size)

    @property
    def waiting(self) -> int:
        """Callers that wait for a connection."""
        return max(0, self._callers - self.size)

    @asynccontextmanager
    async def lend(self) -> AsyncIterator[AbandoningConnection]:
        """Lends a connection for the block; the last returned is lent first, so that the rest may age."""
        self._callers += 1
        try:
            async with self._slots:
                generation = self._generation
                connection = await self._take() or await self._connect()
                try:
                    yield connection
                finally:
                    await self._give_back(connection, generation)
        finally:
            self._callers -= 1

    async def _give_back(self, connection: AbandoningConnection, generation: int) -> None:
        if connection.closed:
            # Whatever ended this one, a restart or a silence, has ended the idle ones as well.
            await self.clear()
        elif generation == self._generation and _is_idle(connection):
            self._idle.append(connection)
        else:
            await connection.close()

    async def clear(self) -> None:
        """Closes the idle connections, and has the lent ones closed when they return."""
        self._generation += 1
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _take(self) -> AbandoningConnection | None:
        while self._idle:
            connection = self._idle.pop()
            if not _has_ended(connection):
                return connection
            await connection.close()
        return None


def _is_idle(connection: AbandoningConnection) -> bool:
    return connection.info.transaction_status is TransactionStatus.IDLE


def _has_ended(connection: AbandoningConnection) -> bool:
    """Whether the server has ended an idle connection, which costs no round trip to know.

    There is nothing to read on it but the end of the stream, or the words that come just before it.
    """
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    return bool(poll.poll(0))
