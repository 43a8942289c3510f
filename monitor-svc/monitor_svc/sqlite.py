"""The history in a SQLite file of the replica's own."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from monitor_svc.errors import StoreUnavailable
from monitor_svc.model import HealthStatus, Point, Reading, Transition, Warned
from monitor_svc.sqlite_points import POINTS_SCHEMA, keep_points, read_points
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
CREATE TABLE IF NOT EXISTS conditions (
  service TEXT PRIMARY KEY,
  status TEXT NOT NULL,
  since REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS warnings (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  figure TEXT NOT NULL,
  service TEXT NOT NULL,
  address TEXT NOT NULL,
  message TEXT NOT NULL,
  raised_at REAL NOT NULL,
  cleared_at REAL
) STRICT;
CREATE INDEX IF NOT EXISTS warnings_standing ON warnings (figure, service, address) WHERE cleared_at IS NULL;
"""

_WARNINGS = "SELECT number, figure, service, address, message, raised_at, cleared_at FROM warnings"


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

    async def record(self, transitions: Sequence[Transition], warnings: Sequence[Warned]) -> None:
        """See ports.History."""
        await self._run(lambda: self._record(transitions, warnings))

    async def record_points(self, points: Sequence[tuple[Reading, Point]]) -> None:
        """See ports.History."""
        await self._run(lambda: keep_points(self._connection, points))

    async def conditions(self) -> dict[str, tuple[HealthStatus, float]]:
        """See ports.History."""
        return await self._run(self._conditions)

    async def standing(self) -> list[Warned]:
        """See ports.History."""
        rows = await self._run(lambda: self._warnings("cleared_at IS NULL", ()))
        return [warned for _, warned in rows]

    async def page(self, service: str, before: int | None, limit: int) -> list[tuple[int, Transition]]:
        """See ports.History."""
        return await self._run(lambda: self._page(service, before, limit))

    async def warnings(self, before: int | None, limit: int) -> list[tuple[int, Warned]]:
        """See ports.History."""
        return await self._run(
            lambda: self._warnings(
                "? IS NULL OR number < ? ORDER BY number DESC LIMIT ?", (before, before, limit)
            )
        )

    async def points(self, service: str, figure: str, since: float, *, fine: bool) -> list[Point]:
        """See ports.History."""
        return await self._run(lambda: read_points(self._connection, service, figure, since, fine=fine))

    async def close(self) -> None:
        """Close the file."""
        await asyncio.get_running_loop().run_in_executor(self._executor, self._connection.close)
        self._executor.shutdown()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._executor, work)
        except sqlite3.Error as error:
            raise StoreUnavailable("The monitor's history cannot be read or written.") from error

    def _record(self, transitions: Sequence[Transition], warnings: Sequence[Warned]) -> None:
        with self._connection as connection:
            connection.executemany(
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
            connection.executemany(
                "INSERT INTO conditions (service, status, since) VALUES (?,?,?)"
                " ON CONFLICT DO UPDATE SET status = excluded.status, since = excluded.since",
                [(each.service, each.new_status.value, each.time) for each in transitions],
            )
            for each in warnings:
                self._record_warning(each)
            for table in ("transitions", "warnings"):
                connection.execute(
                    f"DELETE FROM {table} WHERE number <= (SELECT max(number) FROM {table}) - ?",  # noqa: S608 - our names
                    (self._max_rows,),
                )

    def _record_warning(self, warned: Warned) -> None:
        if warned.cleared_at is None:
            self._connection.execute(
                "INSERT INTO warnings (figure, service, address, message, raised_at) VALUES (?,?,?,?,?)",
                (warned.figure, warned.service, warned.address, warned.message, warned.raised_at),
            )
        else:
            self._connection.execute(
                "UPDATE warnings SET cleared_at = ?, message = ?"
                " WHERE figure = ? AND service = ? AND address = ? AND cleared_at IS NULL",
                (warned.cleared_at, warned.message, warned.figure, warned.service, warned.address),
            )

    def _conditions(self) -> dict[str, tuple[HealthStatus, float]]:
        rows = self._connection.execute("SELECT service, status, since FROM conditions")
        return {service: (HealthStatus(status), since) for service, status, since in rows}

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

    def _warnings(self, where: str, values: tuple[int | None, ...]) -> list[tuple[int, Warned]]:
        rows = self._connection.execute(
            f"{_WARNINGS} WHERE {where}",  # one of our own two conditions
            values,
        )
        return [(number, Warned(*columns)) for number, *columns in rows]


def _connect(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        # A power cut may cost the last moments of the history, not the file.
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.executescript(SCHEMA)
        connection.executescript(POINTS_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
