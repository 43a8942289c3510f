"""Connections to PostgreSQL: bounded in number, bounded in time, and no foreign exception leaves.

A small pool of our own and not psycopg's: a caller here waits for its budget and no longer, whether the
server refuses, is a black hole or dies in the middle of a query, and the first call after the server's
return opens a connection at once instead of waiting for a background worker's backoff. Names are resolved
anew for each connection.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from psycopg import AsyncConnection
from pydantic import SecretStr

from servicekit import deadline
from servicekit.breaker import Breaker
from servicekit.errors import ConfigurationError, Internal
from task_svc.errors import StoreUnavailable
from task_svc.migrate import Migration, migrations, outstanding

T = TypeVar("T")
Connection: TypeAlias = AsyncConnection[tuple[Any, ...]]

SCHEMA: Final = "task"
# Any number that no other service takes: two replicas must not migrate at once.
_MIGRATION_LOCK: Final = 0x7461736B
_MIGRATION_SECONDS: Final = 60.0
# The last one is what a server answers that has become a standby.
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)


class PostgresDatabase:
    """The task schema of one database; connects at the first call, and migrates before it.

    Args:
        url: `postgresql://user:password@host:port/database`.
        breaker: Remembers that the server is away; its budget bounds each call.
        connections: Most connections at the same time.
    """

    def __init__(self, url: SecretStr, breaker: Breaker, connections: int) -> None:
        self._url = url
        self._breaker = breaker
        self._slots = asyncio.Semaphore(connections)
        self._idle: list[Connection] = []
        self._migrated = False
        self._migrating = asyncio.Lock()

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs `work` on a connection in autocommit mode, and repeats it once if the connection was stale.

        Work that is repeated after its reply was lost must be harmless: each statement here is guarded by
        the row's state.

        Raises:
            StoreUnavailable: The server did not answer within the budget, or is known to be away.
            ConfigurationError: The database was migrated by another version.
        """
        budget = deadline.timeout(self._breaker.budget_seconds)
        attempt = self._breaker.admit()
        try:
            async with self._slot(budget):
                result = await self._bounded(work, budget)
        except BaseException as error:
            attempt.ended(error)
            raise
        attempt.succeeded()
        return result

    async def close(self) -> None:
        """Closes the idle connections."""
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    @asynccontextmanager
    async def _slot(self, budget: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(budget):
                await self._slots.acquire()
        except TimeoutError:
            raise StoreUnavailable("All connections to PostgreSQL are busy.", retry_after_seconds=1) from None
        try:
            yield
        finally:
            self._slots.release()

    async def _bounded(self, work: Callable[[Connection], Awaitable[T]], budget: float) -> T:
        if not self._migrated:
            await self._migrate()
        reused = bool(self._idle)
        try:
            return await self._once(work, budget)
        except StoreUnavailable:
            if not reused:
                raise
            # The server went away and came back: the other idle connections are as dead as this one.
            await self.close()
            return await self._once(work, budget)

    async def _once(self, work: Callable[[Connection], Awaitable[T]], budget: float) -> T:
        connection = self._idle.pop() if self._idle else await self._connect(budget)
        async with _lent(connection, budget):
            result = await work(connection)
        self._idle.append(connection)
        return result

    async def _connect(self, budget: float) -> Connection:
        try:
            async with asyncio.timeout(budget):
                return await AsyncConnection.connect(
                    self._url.get_secret_value(),
                    autocommit=True,
                    options=f"-c search_path={SCHEMA}",
                    application_name="mcai-task",
                    keepalives_idle=10,
                )
        except (psycopg.Error, OSError, TimeoutError) as error:
            # The text of psycopg's error may hold the address and the user's name, so it is not passed on.
            raise StoreUnavailable("PostgreSQL does not answer.", retry_after_seconds=1) from error

    async def _migrate(self) -> None:
        async with self._migrating:
            if self._migrated:
                return
            connection = await self._connect(self._breaker.budget_seconds)
            async with _lent(connection, _MIGRATION_SECONDS), connection.transaction():
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                await _apply_outstanding(connection)
            self._idle.append(connection)
            self._migrated = True


@asynccontextmanager
async def _lent(connection: Connection, seconds: float) -> AsyncIterator[None]:
    """Bounds what is done with a connection in time, and closes it unless it ends well.

    When the time is over, the socket is shut down. Cancelling the task instead would have psycopg open a
    second connection, to cancel the query, and wait for seconds on a server that does not answer.
    """
    timer = asyncio.get_running_loop().call_later(seconds, _shut_down, connection)
    try:
        yield
    except BaseException as error:
        _shut_down(connection)
        await connection.close()
        if isinstance(error, _AWAY):
            raise StoreUnavailable("PostgreSQL does not answer.", retry_after_seconds=1) from error
        if isinstance(error, psycopg.Error):
            raise Internal("PostgreSQL refused a statement of task-svc.") from error
        raise
    finally:
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    """Ends the connection's socket under it, so that whoever waits on it wakes up with an error."""
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as duplicate,
    ):
        duplicate.shutdown(socket.SHUT_RDWR)


async def _apply_outstanding(connection: Connection) -> None:
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)"
    )
    cursor = await connection.execute("SELECT number, checksum FROM migrations")
    applied: dict[int, str] = dict(await cursor.fetchall())
    for migration in outstanding(migrations("postgres"), applied, "The PostgreSQL database"):
        await _apply(connection, migration)


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.sql.encode())
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(f"{migration.name} cannot be applied to the database ({error}).") from error
    await connection.execute(
        "INSERT INTO migrations VALUES (%s, %s, %s)", (migration.number, migration.name, migration.checksum)
    )
