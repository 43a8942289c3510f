"""Connections to PostgreSQL: bounded in number, bounded in time, and no foreign exception leaves.

A caller waits for its budget and no longer, whether the server refuses, is a black hole or dies in the
middle of a query, and the first call after the server's return opens a connection at once. Names are
resolved anew for each connection.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final, TypeAlias, TypeVar

import psycopg
from pydantic import SecretStr

from servicekit import deadline
from servicekit.breaker import Breaker
from servicekit.errors import ConfigurationError, Internal
from servicekit.logs import get_logger
from servicekit.migrations import Migration, load, outstanding
from servicekit.postgres_pool import AbandoningConnection, PostgresPool
from task_svc.errors import StoreUnavailable

T = TypeVar("T")
Connection: TypeAlias = psycopg.AsyncConnection[tuple[Any, ...]]

SCHEMA: Final = "task"

_log = get_logger(__name__)

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
        self._breaker = breaker
        self.pool = PostgresPool(lambda: connected(url), connections)
        self._migrated = False
        self._migration: asyncio.Task[None] | None = None

    async def run(self, work: Callable[[Connection], Awaitable[T]]) -> T:
        """Runs `work` on a connection in autocommit mode.

        Raises:
            StoreUnavailable: The server did not answer within the budget, or is known to be away.
            ConfigurationError: The database was migrated by another version.
        """
        # The caller needs what is left of its time after that, to journal what could not be stored.
        budget = deadline.timeout(self._breaker.budget_seconds)
        async with self._breaker.guard(budget_seconds=budget):
            if not self._migrated:
                await self._migrated_at_last()
            with _mapped():
                async with self.pool.lend() as connection:
                    return await work(connection)

    async def close(self) -> None:
        """Closes the idle connections."""
        if self._migration is not None:
            self._migration.cancel()
            await asyncio.wait((self._migration,))
        await self.pool.clear()

    async def _migrated_at_last(self) -> None:
        """Waits for the migration, which goes on when the caller's budget is over."""
        if self._migration is None or self._migration.done():
            self._migration = asyncio.create_task(self._migrate())
            self._migration.add_done_callback(_heard)
        await asyncio.shield(self._migration)

    async def _migrate(self) -> None:
        with deadline.unlimited(), _mapped():
            async with (
                asyncio.timeout(_MIGRATION_SECONDS),
                self.pool.lend() as connection,
                connection.transaction(),
            ):
                await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
                await _apply_outstanding(connection)
        self._migrated = True


async def connected(url: SecretStr) -> AbandoningConnection:
    """Returns a new connection to the task schema, in autocommit mode; raises psycopg's errors."""
    return await AbandoningConnection.connect(
        url.get_secret_value(),
        autocommit=True,
        options=f"-c search_path={SCHEMA}",
        application_name="mcai-task",
        # A peer that vanished is noticed in 5 + 3 s while idle, in 3 s while data is on its way.
        keepalives_idle=5,
        keepalives_interval=1,
        keepalives_count=3,
        tcp_user_timeout=3000,
    )


@contextlib.contextmanager
def _mapped() -> Iterator[None]:
    try:
        yield
    # psycopg's own text may hold the address and the user's name, so it is not passed on.
    except (*_AWAY, TimeoutError, OSError) as error:
        raise StoreUnavailable("PostgreSQL does not answer.", retry_after_seconds=1) from error
    except psycopg.Error as error:
        _log.error("statement refused", sqlstate=error.sqlstate, error=str(error))
        raise Internal("PostgreSQL refused a statement of task-svc.") from error


def _heard(migration: "asyncio.Task[None]") -> None:
    """Takes note of how a migration ended, since its caller may have left before."""
    if not migration.cancelled() and (error := migration.exception()) is not None:
        _log.warning("not migrated", error=str(error))


async def _apply_outstanding(connection: Connection) -> None:
    await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}")
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number integer PRIMARY KEY, name text NOT NULL, checksum text NOT NULL)"
    )
    cursor = await connection.execute("SELECT number, checksum FROM migrations")
    applied: dict[int, str] = dict(await cursor.fetchall())
    known = load("task_svc", "postgres")
    for migration in outstanding(known, applied, database="The PostgreSQL database"):
        await _apply(connection, migration)


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        await connection.execute(migration.sql.encode())
    except psycopg.ProgrammingError as error:
        raise ConfigurationError(f"{migration.name} cannot be applied to the database ({error}).") from error
    await connection.execute(
        "INSERT INTO migrations VALUES (%s, %s, %s)", (migration.number, migration.name, migration.checksum)
    )
