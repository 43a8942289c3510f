"""The journal's file: SQLite in WAL mode with a full fsync at every commit; one thread uses it."""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from servicekit.errors import ConfigurationError, StoreUnavailable

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS entries (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    entry_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS dead (
    sequence INTEGER PRIMARY KEY,
    entry_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    payload BLOB NOT NULL,
    attempts INTEGER NOT NULL,
    reason TEXT NOT NULL
) STRICT;
PRAGMA user_version = 1;
"""
_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One write that waits for its store.

    Attributes:
        sequence: Its place in the order, given by the journal; grows, never reused.
        entry_id: Its identity, given by the writer; the same id is appended once.
        kind: What `payload` is, such as "message".
        payload: The write itself, in the writer's own encoding.
        attempts: How often it was applied and failed for a reason of its own.
    """

    sequence: int
    entry_id: str
    kind: str
    payload: bytes
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class DeadEntry:
    """An entry that can never be applied, and why."""

    entry: Entry
    reason: str


class JournalFile:
    """An open journal file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = _open(path)

    def append(self, entries: Iterable[tuple[str, str, bytes]]) -> int:
        """Writes (id, kind, payload) rows durably and skips waiting ids; returns how many were new."""
        with self._transaction() as connection:
            cursor = connection.executemany(
                "INSERT INTO entries (entry_id, kind, payload) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                entries,
            )
            return cursor.rowcount

    def pending(self, limit: int) -> list[Entry]:
        """Returns the oldest entries, in their order."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT sequence, entry_id, kind, payload, attempts FROM entries ORDER BY sequence LIMIT ?",
                (limit,),
            )
            return [Entry(*row) for row in rows]

    def find(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Returns the waiting entries that are wanted, in their order."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT sequence, entry_id, kind, payload, attempts FROM entries ORDER BY sequence"
            )
            return [entry for row in rows if wanted(entry := Entry(*row))]

    def remove(self, entry_ids: Sequence[str]) -> int:
        """Removes at least one entry that was applied; returns how many there were."""
        with self._transaction() as connection:
            cursor = connection.executemany(
                "DELETE FROM entries WHERE entry_id = ?", [(i,) for i in entry_ids]
            )
            return cursor.rowcount

    def count_attempt(self, entry_id: str) -> None:
        """Notes one more failure of an entry."""
        with self._transaction() as connection:
            connection.execute("UPDATE entries SET attempts = attempts + 1 WHERE entry_id = ?", (entry_id,))

    def bury(self, entry_id: str, reason: str) -> int:
        """Moves an entry among the dead; returns 1, or 0 if it is not waiting."""
        with self._transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO dead (sequence, entry_id, kind, payload, attempts, reason) "
                "SELECT sequence, entry_id, kind, payload, attempts, ? FROM entries WHERE entry_id = ?",
                (reason, entry_id),
            )
            return connection.execute("DELETE FROM entries WHERE entry_id = ?", (entry_id,)).rowcount

    def dead(self, limit: int) -> list[DeadEntry]:
        """Returns the oldest dead entries, in their order."""
        with self._transaction() as connection:
            rows = connection.execute(
                "SELECT sequence, entry_id, kind, payload, attempts, reason "
                "FROM dead ORDER BY sequence LIMIT ?",
                (limit,),
            )
            return [DeadEntry(Entry(*row[:5]), row[5]) for row in rows]

    def discard(self, unwanted: Callable[[Entry], bool]) -> tuple[int, int]:
        """Removes entries and overwrites what they held; returns how many waited and how many were dead."""
        with self._transaction():
            removed = [self._discard(table, unwanted) for table in ("entries", "dead")]
        with self._transaction() as connection:
            # The log of the file still holds what was appended; it is emptied as well.
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return removed[0], removed[1]

    def _discard(self, table: str, unwanted: Callable[[Entry], bool]) -> int:
        rows = self._connection.execute(
            f"SELECT sequence, entry_id, kind, payload, attempts FROM {table}"  # noqa: S608 - our two names
        )
        found = [row[0] for row in rows if unwanted(Entry(*row))]
        self._connection.executemany(
            f"DELETE FROM {table} WHERE sequence = ?",  # noqa: S608 - our two names
            [(sequence,) for sequence in found],
        )
        return len(found)

    def count(self) -> int:
        """Returns how many entries are waiting."""
        with self._transaction() as connection:
            return int(connection.execute("SELECT count(*) FROM entries").fetchone()[0])

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._connection:
                yield self._connection
        except sqlite3.Error as error:
            raise StoreUnavailable(f"The journal {self._path} cannot be used ({error}).") from error


def _open(path: Path) -> sqlite3.Connection:
    """Opens or makes the file.

    A damaged file is left where it is: it may hold writes that were acknowledged and not yet applied, so a
    person decides about it, and a restart does not hide the loss.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=5.0)
    except (OSError, sqlite3.Error) as error:
        raise ConfigurationError(f"The journal {path} cannot be opened ({error}); is it writable?") from error
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        # What was applied is overwritten in the file: its user may ask that nothing of it be left.
        connection.execute("PRAGMA secure_delete = ON")
        verdict = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if verdict == "ok" and version in {0, _VERSION}:
            connection.executescript(_SCHEMA)
    except sqlite3.OperationalError as error:
        connection.close()
        raise ConfigurationError(f"The journal {path} cannot be opened ({error}); is it writable?") from error
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _damaged(path, str(error)) from error
    if verdict != "ok":
        connection.close()
        raise _damaged(path, str(verdict))
    if version not in {0, _VERSION}:
        connection.close()
        raise ConfigurationError(f"The journal {path} was written by a newer version; start that one.")
    return connection


def _damaged(path: Path, what: str) -> ConfigurationError:
    return ConfigurationError(
        f"The journal {path} is damaged ({what}); keep a copy, move it away and start again: "
        "writes that were waiting in it are lost."
    )
