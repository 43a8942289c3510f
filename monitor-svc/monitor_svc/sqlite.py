"""The history in a SQLite file of the replica's own."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from monitor_svc.errors import StoreUnavailable
from monitor_svc.model import HealthStatus, Transition
from servicekit.errors import ConfigurationError

T = TypeVar("T")

SCHEMA = """
CREATE TABLE IF NOT EXISTS transitions (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  service TEXT NOT NULL,
  old_status TEXT,
  new_status TEXT NOT NULL,
  message TEXT NOT NULL,
  time REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS transitions_by_service ON transitions (service, number);
"""


class SqliteHistory:
    """`ports.History` in one file; all work happens in one thread of its own."""

    def __init__(self, connection: sqlite3.Connection, executor: ThreadPoolExecutor, max_rows: int) -> None:
        self._connection = connection
        self._executor = executor
        self._max_rows = max_rows

    @classmethod
    async def open(cls, path: Path, max_rows: int) -> "SqliteHistory":
        """Open or create the file; raises ConfigurationError when it is corrupt or cannot be written."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="history")
        try:
            connection = await asyncio.get_running_loop().run_in_executor(executor, _connect, path)
        except (sqlite3.DatabaseError, OSError) as error:
            executor.shutdown()
            raise ConfigurationError(
                f"The monitor's history {path} cannot be used ({error}): move the file away to start a new "
                "one, or give yourself the right to write there."
            ) from error
        return cls(connection, executor, max_rows)

    async def record(self, transitions: Sequence[Transition]) -> None:
        """Keep transitions."""
        await self._run(lambda: self._record(transitions))

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """Page through transitions, newest first."""
        return await self._run(lambda: self._page(service, before, limit))

    async def close(self) -> None:
        """Close the file."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._connection.close)
        self._executor.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except sqlite3.Error as error:
            raise StoreUnavailable("The monitor's history cannot be read or written.") from error

    def _record(self, transitions: Sequence[Transition]) -> None:
        with self._connection:
            self._connection.executemany(
                "INSERT INTO transitions (service, old_status, new_status, message, time) VALUES (?,?,?,?,?)",
                [
                    (
                        each.service,
                        each.old_status.value if each.old_status else None,
                        each.new_status.value,
                        each.message,
                        each.time,
                    )
                    for each in transitions
                ],
            )
            self._connection.execute(
                "DELETE FROM transitions WHERE number <= (SELECT max(number) FROM transitions) - ?",
                (self._max_rows,),
            )

    def _page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        rows = self._connection.execute(
            "SELECT number, service, old_status, new_status, message, time FROM transitions"
            " WHERE (? = '' OR service = ?) AND (? IS NULL OR number < ?) ORDER BY number DESC LIMIT ?",
            (service, service, before, before, limit),
        )
        return [
            (number, Transition(name, HealthStatus(old) if old else None, HealthStatus(new), message, time))
            for number, name, old, new, message, time in rows
        ]


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
