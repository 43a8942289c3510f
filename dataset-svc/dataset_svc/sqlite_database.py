"""One SQLite file: one writing thread, two reading threads, and no foreign exception leaves.

WAL lets readers go on while a write commits; `synchronous = FULL` has each commit on the disk before it
is acknowledged.
"""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from dataset_svc.errors import StoreUnavailable
from servicekit import tracing
from servicekit.errors import ConfigurationError, DataLoss, Internal
from servicekit.migrations import load, outstanding

T = TypeVar("T")

_BUSY_TIMEOUT_SECONDS: Final = 5.0
_READERS: Final = 2
_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
# A check reads the whole file, about 1 GB/s from the page cache: a larger one would make every start slow.
_LARGEST_CHECKED_BYTES: Final = 256 * 1024 * 1024


class SqliteDatabase:
    """The database of one process; another process may use the same file at the same time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer_thread = ThreadPoolExecutor(1, thread_name_prefix="bank-writer")
        self._reader_threads = ThreadPoolExecutor(_READERS, thread_name_prefix="bank-reader")
        self._writer: sqlite3.Connection | None = None
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._readers_lock = threading.Lock()

    async def open(self) -> None:
        """Opens or makes the file and brings its schema up to date.

        Raises:
            ConfigurationError: It is damaged, not writable, or of another version; the sentence names it.
        """
        loop = asyncio.get_running_loop()
        self._writer = await loop.run_in_executor(self._writer_thread, _open, self.path)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the writing thread, in one transaction that is committed when this returns.

        Raises:
            StoreUnavailable: The file is locked for too long, the disk is full or broken; nothing changed.
            DataLoss: The file is damaged.
        """

        def run() -> T:
            if self._writer is None:
                raise StoreUnavailable("The database is not open.")
            with self.mapped(), _transaction(self._writer, "BEGIN IMMEDIATE"):
                return work(self._writer)

        with tracing.step("sqlite write"):
            return await asyncio.get_running_loop().run_in_executor(self._writer_thread, run)

    async def erase(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """As `write`, for a deletion that leaves nothing: what it frees is overwritten, in the log too."""

        def run(connection: sqlite3.Connection) -> T:
            connection.execute("PRAGMA secure_delete = ON")
            try:
                return work(connection)
            finally:
                connection.execute("PRAGMA secure_delete = OFF")

        result = await self.write(run)
        await asyncio.get_running_loop().run_in_executor(self._writer_thread, self._empty_log)
        return result

    def _empty_log(self) -> None:
        # A reader in the middle of its transaction has it go on; the log is then emptied by a later one.
        if self._writer is not None:
            with self.mapped():
                self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in a reading thread, on one consistent state of the database; errors as in `write`."""

        def run() -> T:
            with self.mapped():
                connection = self._reader()
                with _transaction(connection, "BEGIN"):
                    return work(connection)

        with tracing.step("sqlite read"):
            return await asyncio.get_running_loop().run_in_executor(self._reader_threads, run)

    @asynccontextmanager
    async def session(self) -> AsyncIterator["Session"]:
        """One consistent state of the database for as long as the block lasts, in a thread of its own."""
        session = Session(self)
        try:
            yield session
        finally:
            session.close()

    async def close(self) -> None:
        """Ends what is running and closes the file."""
        await asyncio.to_thread(self._shut_down)

    def _shut_down(self) -> None:
        self._reader_threads.shutdown()
        self._writer_thread.shutdown()
        for connection in self._readers:
            connection.close()
        self._readers.clear()
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _reader(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = _connect(self.path)
            with self._readers_lock:
                self._readers.append(connection)
        return connection

    @contextmanager
    def mapped(self) -> Iterator[None]:
        """Turns sqlite3's errors into ours."""
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreUnavailable(f"The database {self.path} cannot be used ({error}).") from error
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) in _DAMAGE:
                raise DataLoss(f"The database {self.path} is damaged ({error}).") from error
            raise Internal("The database refused a statement.") from error


class Session:
    """A reading transaction that outlives one call; its thread begins it with the first `run`."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="bank-session")
        self._connection: sqlite3.Connection | None = None

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the session's thread; errors as in `SqliteDatabase.write`."""

        def call() -> T:
            with self._database.mapped():
                return work(self._begun())

        return await asyncio.get_running_loop().run_in_executor(self._thread, call)

    def close(self) -> None:
        """Ends the transaction, after the work in progress if a caller was cancelled; does not wait."""
        self._thread.submit(self._end)
        self._thread.shutdown(wait=False)

    def _begun(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _connect(self._database.path)
            self._connection.execute("BEGIN")
        return self._connection

    def _end(self) -> None:
        if self._connection is not None:
            self._connection.close()


def _connect(path: Path) -> sqlite3.Connection:
    # Any thread may close it; each is used by one thread at a time.
    connection = sqlite3.connect(
        path, timeout=_BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _transaction(connection: sqlite3.Connection, begin: str) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # A failed COMMIT, such as on a full disk, leaves the transaction open as well.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(path)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.OperationalError) as error:
        raise ConfigurationError(
            f"The database {path} cannot be opened ({error}); make it and its directory writable, "
            "or choose another data directory."
        ) from error
    except sqlite3.DatabaseError as error:
        raise ConfigurationError(
            f"The database {path} is damaged ({error}); move it away and restore a copy, "
            "or start with an empty data directory."
        ) from error
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("PRAGMA journal_mode = WAL")
    # Content hashes fall everywhere into their index: with 8 MB of cache and a checkpoint each 16 MB
    # instead of 4, an import of 100,000 rows goes a quarter faster.
    connection.execute("PRAGMA cache_size = -8000")
    connection.execute("PRAGMA wal_autocheckpoint = 4000")
    if path.stat().st_size <= _LARGEST_CHECKED_BYTES:
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise sqlite3.DatabaseError(verdict)
    with _transaction(connection, "BEGIN IMMEDIATE"):
        _migrate(connection, path)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    """Applies what is outstanding, within the caller's transaction: all of it or nothing."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, "
        "checksum TEXT NOT NULL, apply_time REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400.0)"
        ") STRICT"
    )
    applied = dict(connection.execute("SELECT number, checksum FROM migrations"))
    for migration in outstanding(load("dataset_svc", "sqlite"), applied, database=f"The database {path}"):
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)",
            (migration.number, migration.name, migration.checksum),
        )


def _statements(script: str) -> Iterator[str]:
    """Splits a script; sqlite3's executescript would commit the transaction that makes it atomic."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
