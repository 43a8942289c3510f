"""PostgreSQL behind short time limits, for a service that starts without it and outlives it.

Nothing connects before the first call. The schema is brought up to date when the database first answers,
and looked at again after each outage, since another database may answer then. Every connection resolves
the server's name anew. No foreign exception leaves.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import psycopg.conninfo
import psycopg.errors

from dataset_svc.errors import StoreUnavailable
from servicekit.errors import ConfigurationError, Conflict, Internal, InvalidArgument
from servicekit.logs import get_logger
from servicekit.migrations import load, outstanding
from servicekit.postgres_pool import AbandoningConnection, PostgresPool

Connection = psycopg.AsyncConnection[tuple[Any, ...]]

_log = get_logger(__name__)

_NAME: Final = "The PostgreSQL database"
_MIGRATION_LOCK: Final = 0x6D63_6169_0001
_CONNECTION_CHECK_MS: Final = 500
# The last one is what a server answers that has become a standby.
_AWAY: Final = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.ReadOnlySqlTransaction)


@dataclass(frozen=True, slots=True)
class PostgresLimits:
    """How long anything may take, and how many connections there may be.

    Attributes:
        connections: At the most, besides those of the change listener and of snapshots.
        connect_seconds: To resolve the name, reach the server and log in.
        statement_seconds: A statement; the server ends it then, which lets its locks go.
        call_seconds: All of an ordinary call, whatever hangs.
        bulk_seconds: All of a call that touches a whole dataset.
    """

    connections: int = 8
    connect_seconds: float = 2.0
    statement_seconds: float = 5.0
    call_seconds: float = 10.0
    bulk_seconds: float = 120.0


DEFAULT_LIMITS: Final = PostgresLimits()


class PostgresDatabase:
    """One database; made inside the event loop, after any fork.

    Args:
        url: `postgresql://user:password@host:port/database`.
        limits: See there.
    """

    def __init__(self, url: str, limits: PostgresLimits = DEFAULT_LIMITS) -> None:
        self.limits = limits
        self._url = url
        self.pool = PostgresPool(self._connect, limits.connections)
        self._migrated = False
        self._migrating = asyncio.Lock()
        self._last_failure = ""

    async def open(self) -> None:
        """Brings the schema up to date if the server answers; if it does not, the first call does so.

        Raises:
            ConfigurationError: The URL is malformed, or the database's migrations are not ours.
        """
        try:
            psycopg.conninfo.conninfo_to_dict(self._url)
        except psycopg.ProgrammingError:
            # Its own words repeat the URL, password included.
            raise ConfigurationError(
                "The database URL is malformed; write postgresql://user:password@host:port/database."
            ) from None
        try:
            async with self.connection(seconds=self.limits.connect_seconds):
                pass
        except StoreUnavailable as error:
            if isinstance(error.__cause__, ConfigurationError):
                raise error.__cause__ from None
            _log.warning("the database is away at start", error=str(error))

    @asynccontextmanager
    async def connection(self, *, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection in autocommit mode, for `seconds` at the most.

        Raises:
            StoreUnavailable: The server is away, does not answer in time, or its schema cannot be used.
            Conflict: A constraint was broken by a write that went past the bank.
            InvalidArgument: A text cannot be stored, such as one with a NUL.
        """
        limit = asyncio.timeout(self.limits.call_seconds if seconds is None else seconds)
        with self._mapped():
            async with limit, self.pool.lend() as connection:
                if not self._migrated:
                    await self._migrate(connection)
                yield connection

    @asynccontextmanager
    async def transaction(self, *, seconds: float | None = None) -> AsyncIterator[Connection]:
        """A connection in a transaction that is committed when the block ends; errors as in `connection`."""
        async with self.connection(seconds=seconds) as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def bulk_transaction(self) -> AsyncIterator[Connection]:
        """As `transaction`, with the time that it takes to touch a whole dataset."""
        seconds = self.limits.bulk_seconds
        async with self.transaction(seconds=seconds) as connection:
            await connection.execute(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Connection]:
        """A connection of its own, outside the pool and with no limit of time; errors as in `connection`."""
        with self._mapped():
            connection = await self._connect()
            try:
                yield connection
            finally:
                await connection.close()

    async def close(self) -> None:
        """Closes the idle connections."""
        await self.pool.clear()

    async def _connect(self) -> AbandoningConnection:
        try:
            async with asyncio.timeout(self.limits.connect_seconds):
                connection = await AbandoningConnection.connect(
                    self._url,
                    autocommit=True,
                    application_name="mcai-dataset-svc",
                    # A peer that vanished is noticed in 5 + 3 s while idle, in 3 s while data is on its way.
                    keepalives_idle=5,
                    keepalives_interval=1,
                    keepalives_count=3,
                    tcp_user_timeout=3000,
                )
                await self._configure(connection)
        except (psycopg.Error, TimeoutError) as error:
            self._note_failure(" ".join(str(error).split()) or "no answer in time")
            raise
        self._last_failure = ""
        return connection

    def _note_failure(self, failure: str) -> None:
        # Each reason once: an outage brings hundreds of attempts.
        if failure != self._last_failure:
            _log.warning("cannot connect to the database", error=failure)
        self._last_failure = failure

    async def _configure(self, connection: AbandoningConnection) -> None:
        statement_ms = int(self.limits.statement_seconds * 1000)
        await connection.execute(
            "SELECT set_config('statement_timeout', %(statement)s, false), "
            # Who holds the feed's lock and falls silent must not stop all writers for long.
            "set_config('idle_in_transaction_session_timeout', %(statement)s, false), "
            # A statement whose client is gone ends, so that its locks go as well.
            "set_config('client_connection_check_interval', %(check)s, false)",
            {"statement": str(statement_ms), "check": str(_CONNECTION_CHECK_MS)},
        )

    async def _migrate(self, connection: Connection) -> None:
        async with self._migrating:
            if not self._migrated:
                await migrate(connection)
                self._migrated = True

    @contextmanager
    def _mapped(self) -> Iterator[None]:
        try:
            yield
        except ConfigurationError as error:
            raise StoreUnavailable(str(error)) from error
        except TimeoutError as error:
            raise StoreUnavailable(f"{_NAME} did not answer in time.") from error
        except psycopg.errors.DataError as error:
            raise InvalidArgument("A text holds a character that cannot be stored.") from error
        except psycopg.errors.IntegrityError as error:
            raise Conflict("The rows were changed by somebody else at the same time; try again.") from error
        except _AWAY as error:
            self._migrated = False
            raise StoreUnavailable(f"{_NAME} does not answer.") from error
        except psycopg.Error as error:
            self._migrated = False
            _log.error("statement refused", sqlstate=error.sqlstate, error=str(error))
            raise Internal("The database refused a statement.") from error


async def migrate(connection: Connection) -> None:
    """Brings the schema up to date in one transaction; concurrent callers wait for the first.

    Raises:
        ConfigurationError: The database's migrations are not ours.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_MIGRATION_LOCK,))
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL, "
            "checksum text NOT NULL, "
            "apply_time double precision NOT NULL DEFAULT extract(epoch FROM clock_timestamp()))"
        )
        cursor = await connection.execute("SELECT number, checksum FROM migrations")
        applied: dict[int, str] = dict(await cursor.fetchall())
        for migration in outstanding(load("dataset_svc", "postgres"), applied, database=_NAME):
            # Without parameters, one call may hold many statements.
            await connection.execute(migration.sql.encode())
            await connection.execute(
                "INSERT INTO migrations (number, name, checksum) VALUES (%s, %s, %s)",
                (migration.number, migration.name, migration.checksum),
            )
