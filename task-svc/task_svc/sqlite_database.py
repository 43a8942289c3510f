"""One SQLite file, used by one thread, out of which no foreign exception comes.

WAL keeps readers of other processes going; `synchronous = FULL` has each commit on the disk before it is
acknowledged.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from servicekit import tracing
from servicekit.errors import ConfigurationError
from servicekit.migrations import load, outstanding
from task_svc.errors import StoreUnavailable

T = TypeVar("T")

_BUSY_SECONDS: Final = 2.0


class SqliteDatabase:
    """An open database; `open` makes one."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor, path: Path) -> None:
        self._connection = connection
        self._thread = thread
        self._path = path

    @classmethod
    async def open(cls, path: Path) -> "SqliteDatabase":
        """Opens or makes the file and applies the outstanding migrations.

        Raises:
            ConfigurationError: It is damaged, cannot be written or is of another version.
        """
        thread = ThreadPoolExecutor(1, thread_name_prefix="tasks")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(thread, _open, path)
        except BaseException:
            thread.shutdown(wait=False)
            raise
        return cls(connection, thread, path)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Runs `work` in the thread, in one transaction that is committed when this returns.

        Raises:
            StoreUnavailable: The file is locked for too long, the disk is full, or the file is damaged;
                nothing was changed.
        """

        def in_transaction() -> T:
            try:
                with _transaction(self._connection):
                    return work(self._connection)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"The task database {self._path} cannot be used ({error}).") from error

        with tracing.step("sqlite"):
            return await asyncio.get_running_loop().run_in_executor(self._thread, in_transaction)

    async def close(self) -> None:
        """Ends what is running and closes the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connection.close)
        self._thread.shutdown(wait=False)


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    finally:
        # A COMMIT that failed, as on a full disk, leaves the transaction open as well.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None)
    except (OSError, sqlite3.Error) as error:
        raise _unusable(path, error) from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _check(connection)
        with _transaction(connection):
            _migrate(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise _unusable(path, error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: sqlite3.Connection) -> None:
    verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if verdict != "ok":
        raise sqlite3.DatabaseError(verdict)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations"
        " (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL) STRICT"
    )
    applied = dict(connection.execute("SELECT number, checksum FROM migrations").fetchall())
    for migration in outstanding(load("task_svc", "sqlite"), applied, database=f"The task database {path}"):
        for statement in _statements(migration.sql):
            connection.execute(statement)
        connection.execute(
            "INSERT INTO migrations VALUES (?, ?, ?)", (migration.number, migration.name, migration.checksum)
        )


def _statements(script: str) -> Iterator[str]:
    """Splits a script, since sqlite3's executescript commits the transaction that makes it atomic."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _unusable(path: Path, error: Exception) -> ConfigurationError:
    return ConfigurationError(
        f"The task database {path} cannot be used ({error}): give the process the right to write there, or, "
        "if it is damaged, move it away to start with an empty one."
    )
