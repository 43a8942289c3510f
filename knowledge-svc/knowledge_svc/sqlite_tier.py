"""The local tier: a SQLite file of this replica alone, so that answers outlive Redis's absence and a restart.

All of it runs in one thread, in order, so that an eviction which was asked for after a put takes effect
after it. The file is a cache: when it cannot be trusted any more it is deleted and begun anew, because an
empty cache is right and a damaged one might not be.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from knowledge_svc import codec
from knowledge_svc.additions import Additions
from knowledge_svc.model import Addition, Entry, Invalidation, Key, Tier, TierMeasure
from knowledge_svc.ports import Read
from servicekit.logs import get_logger

T = TypeVar("T")

_log = get_logger(__name__)

_VERSION: Final = 2
_SCHEMA: Final = f"""
CREATE TABLE IF NOT EXISTS entries (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    key BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    expires_at REAL NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_expiry ON entries (expires_at);
CREATE TABLE IF NOT EXISTS labels (
    label TEXT NOT NULL,
    place INTEGER NOT NULL REFERENCES entries (place) ON DELETE CASCADE,
    PRIMARY KEY (label, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS labels_by_place ON labels (place);
CREATE TABLE IF NOT EXISTS position (sequence INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS additions (addition BLOB PRIMARY KEY, sequence INTEGER NOT NULL) STRICT;
PRAGMA user_version = {_VERSION};
"""
_SWEEP_EVERY_PUTS: Final = 64
# When the file is full it is emptied to this share, so that not every put has to make room.
_FILL_AFTER_TRIM: Final = 0.9


class SqliteTier:
    """A CacheTier in a file; a fault of the file makes it start anew, never raise.

    Args:
        path: The file; no other process may use it.
        max_bytes: Bound of the stored bodies, in bytes; the oldest entries go first.
        clock: Seconds since the epoch.
    """

    def __init__(self, path: Path, max_bytes: int, clock: Callable[[], float]) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._clock = clock
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")
        self._connection: sqlite3.Connection | None = None
        self._bytes = self._puts = 0
        self._well = True
        self._doomed = False

    async def get_many(self, keys: Sequence[Key]) -> Read:
        """See `CacheTier`."""
        nothing: list[Entry | None] = [None] * len(keys)
        if not keys:
            return Read(Tier.LOCAL, nothing)
        return Read(Tier.LOCAL, await self._run(lambda connection: self._read(connection, keys), nothing))

    async def put(self, key: Key, entry: Entry, token: str = "") -> bool:  # noqa: ARG002 - keeps no leases
        """See `CacheTier`."""
        return await self._run(lambda connection: self._write(connection, key, entry), default=True)

    async def evict(self, invalidation: Invalidation) -> set[Key]:
        """See `CacheTier`."""
        return await self._run(lambda connection: self._evict(connection, invalidation), set[Key]())

    async def clear(self, sequence: int) -> int:
        """See `CacheTier`."""
        return await self._run(lambda connection: self._clear(connection, sequence), 0)

    async def position(self) -> int | None:
        """See `CacheTier`."""
        return await self._run(_position, None)

    async def additions(self) -> Mapping[Addition, int]:
        """See `CacheTier`."""
        return await self._run(_additions, {})

    async def recent(self, limit: int) -> list[tuple[Key, Entry]]:
        """See `CacheTier`."""
        return await self._run(lambda connection: self._recent(connection, limit), [])

    async def measure(self) -> list[TierMeasure]:
        """See `CacheTier`; the size is that of the bodies, the file is larger."""
        unknown = TierMeasure(Tier.LOCAL, -1, -1, self._max_bytes, available=False)
        return [await self._run(self._measure, unknown)]

    async def close(self) -> None:
        """See `CacheTier`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown()

    async def _run(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        # Shielded, because a caller who gives up must not leave the thread's outcome unseen.
        future = asyncio.get_running_loop().run_in_executor(self._thread, self._guarded, work, default)
        return await asyncio.shield(future)

    def _guarded(self, work: Callable[[sqlite3.Connection], T], default: T) -> T:
        try:
            connection = self._connect()
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                outcome = work(connection)
        except (sqlite3.Error, OSError) as error:
            self._start_anew(error)
            return default
        if not self._well:
            self._well = True
            _log.info("local tier recovered", path=str(self._path))
        return outcome

    def _connect(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._delete_if_doomed()
        connection = sqlite3.connect(self._path, timeout=1.0, isolation_level=None)
        try:
            _prepare(connection)
        except sqlite3.Error:
            connection.close()
            raise
        self._bytes = connection.execute("SELECT coalesce(sum(length(body)), 0) FROM entries").fetchone()[0]
        self._connection = connection
        return connection

    def _start_anew(self, error: Exception) -> None:
        if self._well:
            self._well = False
            _log.warning("local tier starts anew", path=str(self._path), error=str(error))
        self._disconnect()
        self._doomed = True
        # What cannot be deleted now is not opened again before it is.
        with contextlib.suppress(OSError):
            self._delete_if_doomed()

    def _delete_if_doomed(self) -> None:
        if self._doomed:
            for suffix in ("", "-wal", "-shm"):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            self._doomed = False

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _read(self, connection: sqlite3.Connection, keys: Sequence[Key]) -> list[Entry | None]:
        marks = ",".join("?" * len(keys))
        rows = connection.execute(
            f"SELECT key, body FROM entries WHERE key IN ({marks}) AND expires_at > ?",  # noqa: S608 - marks only
            (*keys, self._clock()),
        )
        bodies = dict(rows.fetchall())
        return [codec.decode(key, bodies[key]) if key in bodies else None for key in keys]

    def _write(self, connection: sqlite3.Connection, key: Key, entry: Entry) -> bool:
        body = codec.encode(key, entry)
        if len(body) > self._max_bytes:
            return True
        self._drop(connection, "key = ?", (key,))
        cursor = connection.execute(
            "INSERT INTO entries (key, body, sequence, expires_at) VALUES (?, ?, ?, ?)",
            (key, body, entry.sequence, entry.expires_at),
        )
        place = cursor.lastrowid
        connection.executemany("INSERT INTO labels VALUES (?, ?)", ((label, place) for label in entry.labels))
        self._bytes += len(body)
        self._puts += 1
        if self._puts % _SWEEP_EVERY_PUTS == 1:
            self._drop(connection, "expires_at <= ?", (self._clock(),))
        if self._bytes > self._max_bytes:
            self._trim(connection)
        return True

    def _trim(self, connection: sqlite3.Connection) -> None:
        surplus = self._bytes - self._max_bytes * _FILL_AFTER_TRIM
        last = 0
        for place, size in connection.execute("SELECT place, length(body) FROM entries ORDER BY place"):
            last, surplus = place, surplus - size
            if surplus <= 0:
                break
        self._drop(connection, "place <= ?", (last,))

    def _evict(self, connection: sqlite3.Connection, invalidation: Invalidation) -> set[Key]:
        gone: set[Key] = set()
        for key in invalidation.keys:
            gone |= self._drop(connection, "key = ?", (key,))
        for label, sequence in invalidation.labels.items():
            built_on = "place IN (SELECT place FROM labels WHERE label = ?) AND sequence < ?"
            gone |= self._drop(connection, built_on, (label, sequence))
        _note_additions(connection, invalidation.additions)
        _note_position(connection, invalidation.sequence)
        return gone

    def _clear(self, connection: sqlite3.Connection, sequence: int) -> int:
        _note_position(connection, sequence)
        connection.execute("DELETE FROM additions")
        return len(self._drop(connection, "true", ()))

    def _drop(self, connection: sqlite3.Connection, which: str, arguments: tuple[object, ...]) -> set[Key]:
        rows = connection.execute(
            f"DELETE FROM entries WHERE {which} RETURNING key, length(body)",  # noqa: S608 - `which` is ours
            arguments,
        ).fetchall()
        self._bytes -= sum(size for _, size in rows)
        return {key for key, _ in rows}

    def _recent(self, connection: sqlite3.Connection, limit: int) -> list[tuple[Key, Entry]]:
        rows = connection.execute(
            "SELECT key, body FROM entries WHERE expires_at > ? ORDER BY place DESC LIMIT ?",
            (self._clock(), limit),
        )
        decoded = ((key, codec.decode(key, body)) for key, body in rows)
        return [(key, entry) for key, entry in decoded if entry is not None]

    def _measure(self, connection: sqlite3.Connection) -> TierMeasure:
        entries = connection.execute("SELECT count(*) FROM entries").fetchone()[0]
        return TierMeasure(Tier.LOCAL, entries, self._bytes, self._max_bytes)


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables; a file of another version is refused, and so begun anew."""
    # Losing the last commits with the power is harmless: evictions and position are lost together, and
    # the changes after the position are followed again.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in {0, _VERSION}:
        raise sqlite3.DatabaseError(f"it has version {version}")
    connection.executescript(_SCHEMA)


def _position(connection: sqlite3.Connection) -> int | None:
    row = connection.execute("SELECT sequence FROM position").fetchone()
    return None if row is None else int(row[0])


def _additions(connection: sqlite3.Connection) -> dict[Addition, int]:
    rows = connection.execute("SELECT addition, sequence FROM additions").fetchall()
    return {codec.decode_addition(body): sequence for body, sequence in rows}


def _note_additions(connection: sqlite3.Connection, added: Mapping[Addition, int]) -> None:
    if not added:
        return
    noted = Additions()
    noted.note(_additions(connection))
    noted.note(added)
    connection.execute("DELETE FROM additions")
    rows = ((codec.encode_addition(addition), sequence) for addition, sequence in noted.since(0).items())
    connection.executemany("INSERT INTO additions VALUES (?, ?)", rows)


def _note_position(connection: sqlite3.Connection, sequence: int) -> None:
    if sequence:
        connection.execute("DELETE FROM position")
        connection.execute("INSERT INTO position VALUES (?)", (sequence,))
