"""The archive in the bank's SQLite file: examples go there and come back, a batch a transaction."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from dataset_svc import sqlite_rows as rows
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import ChangeKind, Dataset, Example, Moved
from dataset_svc.sqlite_database import SqliteDatabase

T = TypeVar("T")

_COLUMNS: Final = "id, domain, prompt, response, metadata_json, create_time, update_time, content_hash"
_ARCHIVE: Final = (
    f"INSERT INTO examples_archive ({_COLUMNS}, archive_time) "  # noqa: S608 - names of ours
    f"SELECT {_COLUMNS}, ? FROM examples WHERE id = ?"
)
_RESTORE: Final = (
    f"INSERT INTO examples ({_COLUMNS}) "  # noqa: S608 - names of ours
    "SELECT id, domain, prompt, response, metadata_json, create_time, ?, content_hash "
    "FROM examples_archive WHERE id = ? ON CONFLICT DO NOTHING RETURNING id, domain"
)
_AGED: Final = (
    "SELECT id, domain FROM examples WHERE domain = ? AND update_time < ? ORDER BY update_time, id LIMIT ?"
)
_RULED: Final = "WHERE retention_days > 0 OR (max_examples > 0 AND example_count > max_examples)"
_LIST: Final = (
    "SELECT a.id, a.domain, a.prompt, a.response, a.metadata_json, a.create_time, a.update_time, d.analyser "
    "FROM examples_archive a JOIN datasets d ON d.domain = a.domain "
    "WHERE (?1 = '' OR a.domain = ?1) AND a.id > ?2 ORDER BY a.id LIMIT ?3"
)

Key = tuple[str, str]
"""Id and domain of an example."""


class SqliteArchive:
    """ports.Archive on an open SqliteDatabase, which the bank closes."""

    def __init__(self, database: SqliteDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def archive(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""

        def work(connection: sqlite3.Connection) -> Moved:
            chosen = _chosen(connection, "examples", ids, domain, after_id, limit)
            _archive(connection, chosen, now)
            return Moved(len(chosen), 0, chosen[-1][0] if len(chosen) == limit else "")

        return await self._write(work)

    async def restore(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""

        def work(connection: sqlite3.Connection) -> Moved:
            chosen = _chosen(connection, "examples_archive", ids, domain, after_id, limit)
            moved = [
                row
                for example_id, _ in chosen
                if (row := connection.execute(_RESTORE, (now, example_id)).fetchone()) is not None
            ]
            connection.executemany("DELETE FROM examples_archive WHERE id = ?", [(row[0],) for row in moved])
            _tell(connection, ChangeKind.CREATED, moved, 1)
            return Moved(len(moved), len(chosen) - len(moved), chosen[-1][0] if len(chosen) == limit else "")

        return await self._write(work)

    async def rotate(self, domain: str, limit: int, now: float) -> int:
        """See ports.Archive."""

        def work(connection: sqlite3.Connection) -> int:
            due = _due(connection, domain, limit, now)
            _archive(connection, due, now)
            return len(due)

        return await self._write(work)

    async def ruled(self) -> list[Dataset]:
        """See ports.Archive."""
        return await self._database.read(
            lambda connection: rows.datasets_of(connection, f"{_RULED} ORDER BY domain", ())
        )

    async def list_archived(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """See ports.Archive."""
        found = await self._database.read(
            lambda connection: connection.execute(_LIST, (domain, after_id, limit)).fetchall()
        )
        return [rows.example_of(row) for row in found]

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        result, head = await self._database.write(
            lambda connection: (work(connection), rows.head(connection))
        )
        self._signal.advance(head)
        return result


def _chosen(
    connection: sqlite3.Connection,
    table: str,
    ids: Sequence[str] | None,
    domain: str,
    after_id: str,
    limit: int,
) -> list[Key]:
    wanted, values = ["id > ?"], [after_id]
    if ids is not None:
        wanted.append(f"id IN ({', '.join('?' * len(ids))})")
        values += ids
    if domain:
        wanted.append("domain = ?")
        values.append(domain)
    statement = f"SELECT id, domain FROM {table} WHERE {' AND '.join(wanted)} ORDER BY id LIMIT ?"  # noqa: S608 - names of ours
    return connection.execute(statement, (*values, limit)).fetchall()


def _due(connection: sqlite3.Connection, domain: str, limit: int, now: float) -> list[Key]:
    """What a rule of the dataset no longer keeps, those first that were not updated for longest."""
    found = rows.datasets_of(connection, "WHERE domain = ?", (domain,))
    if not found:
        return []
    [dataset] = found
    before = now - dataset.retention_days * 86_400 if dataset.retention_days else float("-inf")
    due = connection.execute(_AGED, (domain, before, limit)).fetchall()
    surplus = min(dataset.example_count - dataset.max_examples, limit) if dataset.max_examples else 0
    if surplus > len(due):
        due = connection.execute(_AGED, (domain, float("inf"), surplus)).fetchall()
    return due


def _archive(connection: sqlite3.Connection, moved: Sequence[Key], now: float) -> None:
    connection.executemany(_ARCHIVE, [(now, example_id) for example_id, _ in moved])
    connection.executemany("DELETE FROM examples WHERE id = ?", [(example_id,) for example_id, _ in moved])
    _tell(connection, ChangeKind.DELETED, moved, -1)


def _tell(connection: sqlite3.Connection, kind: ChangeKind, moved: Sequence[Key], sign: int) -> None:
    """Counts what was moved and continues the feed."""
    connection.executemany(
        "UPDATE datasets SET example_count = example_count + ?1, archived_count = "
        "(SELECT count(*) FROM examples_archive WHERE domain = ?2) WHERE domain = ?2",
        [(sign * count, domain) for domain, count in Counter(domain for _, domain in moved).items()],
    )
    rows.append_keys(connection, kind, moved)
