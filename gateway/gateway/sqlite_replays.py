"""Recordings in a SQLite file of this gateway: they outlive a restart, and stand in while Redis is away."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self, TypeVar

import msgspec

from gateway.replays import Begun, Recording, Verdict
from servicekit.errors import ConfigurationError, StoreUnavailable

T = TypeVar("T")

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS replays (
    key TEXT PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    recording BLOB,
    -- Seconds since the epoch.
    end_time REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS replays_by_end ON replays (end_time);
"""
_MOST_ROWS: Final = 50_000


class SqliteReplays:
    """`Replays` in a file; an async context manager that opens and closes it.

    Args:
        path: The file. Losing it loses the recordings and nothing else, so a damaged one is begun anew.
        claim_seconds: Time after which a claim counts as lost with its holder.
        now: Seconds since the epoch.
    """

    def __init__(self, path: Path, *, claim_seconds: float, now: Callable[[], float]) -> None:
        self._path = path
        self._claim_seconds = claim_seconds
        self._now = now
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="replays")
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        self._connection = await asyncio.get_running_loop().run_in_executor(self._thread, _open, self._path)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await asyncio.get_running_loop().run_in_executor(self._thread, connection.close)
        self._thread.shutdown()

    async def begin(self, key: str, fingerprint: str) -> Begun:
        """See `Replays`."""

        def work(connection: sqlite3.Connection) -> Begun:
            now = self._now()
            connection.execute("DELETE FROM replays WHERE end_time <= ?", (now,))
            row = connection.execute(
                "SELECT fingerprint, recording FROM replays WHERE key = ?", (key,)
            ).fetchone()
            if row is None:
                connection.execute(
                    "INSERT INTO replays VALUES (?, ?, NULL, ?)",
                    (key, fingerprint, now + self._claim_seconds),
                )
                return Begun(Verdict.NEW)
            if row[0] != fingerprint:
                return Begun(Verdict.OTHER)
            if row[1] is None:
                return Begun(Verdict.RUNNING)
            return Begun(Verdict.DONE, msgspec.msgpack.decode(row[1], type=Recording))

        return await self._run(work)

    async def keep(self, key: str, fingerprint: str, recording: Recording, seconds: float) -> None:
        """See `Replays`."""
        packed = msgspec.msgpack.encode(recording)

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR REPLACE INTO replays VALUES (?, ?, ?, ?)",
                (key, fingerprint, packed, self._now() + seconds),
            )
            connection.execute(
                "DELETE FROM replays WHERE key IN "
                "(SELECT key FROM replays ORDER BY end_time DESC LIMIT -1 OFFSET ?)",
                (_MOST_ROWS,),
            )

        await self._run(work)

    async def release(self, key: str) -> None:
        """See `Replays`."""
        await self._run(lambda connection: connection.execute("DELETE FROM replays WHERE key = ?", (key,)))

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        def run() -> T:
            if self._connection is None:
                raise StoreUnavailable("The recordings are not open.")
            try:
                with self._connection:
                    return work(self._connection)
            except sqlite3.Error as error:
                raise StoreUnavailable(f"The recordings cannot be used ({error}).") from error

        return await asyncio.get_running_loop().run_in_executor(self._thread, run)


def _open(path: Path) -> sqlite3.Connection:
    try:
        return _prepared(path)
    except sqlite3.DatabaseError:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be opened ({error}); is it writable?") from error
    try:
        return _prepared(path)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"{path} cannot be opened ({error}); is it writable?") from error


def _prepared(path: Path) -> sqlite3.Connection:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=5.0)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # What a power cut takes with it makes a repeated request a new one: no data is lost.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.executescript(_SCHEMA)
    except BaseException:
        connection.close()
        raise
    return connection
