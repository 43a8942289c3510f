"""The archive in the bank's PostgreSQL: examples go there and come back, a batch a transaction."""

from collections.abc import Sequence
from typing import Any, Final

from dataset_svc import postgres_feed as feed
from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import ChangeKind, Dataset, Example, Moved
from dataset_svc.postgres_database import Connection, PostgresDatabase
from dataset_svc.postgres_rows import datasets_of, example_of

_COLUMNS: Final = "id, domain, prompt, response, metadata_json, create_time, update_time, content_hash"
_CHOICE: Final = (
    "WHERE (%(ids)s::text[] IS NULL OR id = ANY(%(ids)s)) AND (%(domain)s = '' OR domain = %(domain)s) "
    "AND id > %(after)s ORDER BY id LIMIT %(limit)s"
)
_ARCHIVE: Final = (
    f"INSERT INTO examples_archive ({_COLUMNS}, archive_time) "  # noqa: S608 - names of ours
    f"SELECT {_COLUMNS}, %s FROM examples WHERE id = ANY(%s)"
)
_REMOVE: Final = "DELETE FROM examples WHERE id = ANY(%s) RETURNING id, domain"
_RESTORE: Final = (
    f"INSERT INTO examples ({_COLUMNS}) "  # noqa: S608 - names of ours
    "SELECT id, domain, prompt, response, metadata_json, create_time, %s, content_hash "
    "FROM examples_archive WHERE id = ANY(%s) ORDER BY id ON CONFLICT DO NOTHING RETURNING id, domain"
)
_COUNT: Final = (
    "UPDATE datasets d SET example_count = example_count + (%(sign)s * moved.count), "
    "archived_count = (SELECT count(*) FROM examples_archive a WHERE a.domain = d.domain) "
    "FROM (SELECT domain, count(*) AS count FROM unnest(%(domains)s::text[]) AS each (domain) "
    "GROUP BY domain) AS moved WHERE d.domain = moved.domain"
)
_AGED: Final = (
    "SELECT id FROM examples WHERE domain = %s AND update_time < %s ORDER BY update_time, id LIMIT %s"
)
_RULED: Final = "WHERE retention_days > 0 OR (max_examples > 0 AND example_count > max_examples)"
_LIST: Final = (
    "SELECT a.id, a.domain, a.prompt, a.response, a.metadata_json, a.create_time, a.update_time, d.analyser "
    "FROM examples_archive a JOIN datasets d ON d.domain = a.domain "
    "WHERE (%(domain)s = '' OR a.domain = %(domain)s) AND a.id > %(after)s ORDER BY a.id LIMIT %(limit)s"
)


class PostgresArchive:
    """ports.Archive on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase, signal: FeedSignal) -> None:
        self._database = database
        self._signal = signal

    async def archive(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            chosen = await _chosen(connection, "examples", ids, domain, after_id, limit)
            head = await _archive(connection, chosen, now)
        self._signal.advance(head)
        return Moved(len(chosen), 0, chosen[-1] if len(chosen) == limit else "")

    async def restore(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            chosen = await _chosen(connection, "examples_archive", ids, domain, after_id, limit)
            moved = await (await connection.execute(_RESTORE, (now, chosen))).fetchall()
            await connection.execute(
                "DELETE FROM examples_archive WHERE id = ANY(%s)", ([row[0] for row in moved],)
            )
            head = await _told(connection, ChangeKind.CREATED, moved, 1)
        self._signal.advance(head)
        return Moved(len(moved), len(chosen) - len(moved), chosen[-1] if len(chosen) == limit else "")

    async def rotate(self, domain: str, limit: int, now: float) -> int:
        """See ports.Archive."""
        async with self._database.bulk_transaction() as connection:
            await feed.lock(connection)
            due = await _due(connection, domain, limit, now)
            head = await _archive(connection, due, now)
        self._signal.advance(head)
        return len(due)

    async def ruled(self) -> list[Dataset]:
        """See ports.Archive."""
        async with self._database.connection() as connection:
            return await datasets_of(connection, f"{_RULED} ORDER BY domain", ())

    async def list_archived(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """See ports.Archive."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_LIST, {"domain": domain, "after": after_id, "limit": limit})
            return [example_of(row) for row in await cursor.fetchall()]


async def take_out(connection: Connection, example_id: str) -> None:
    """Removes an example from the archive, if it is there."""
    cursor = await connection.execute(
        "DELETE FROM examples_archive WHERE id = %s RETURNING domain", (example_id,)
    )
    if (row := await cursor.fetchone()) is not None:
        await connection.execute(
            "UPDATE datasets SET archived_count = archived_count - 1 WHERE domain = %s", row
        )


async def _chosen(
    connection: Connection, table: str, ids: Sequence[str] | None, domain: str, after_id: str, limit: int
) -> list[str]:
    wanted = {"ids": list(ids) if ids is not None else None, "domain": domain}
    cursor = await connection.execute(
        f"SELECT id FROM {table} {_CHOICE}",  # noqa: S608 - names of ours
        wanted | {"after": after_id, "limit": limit},
    )
    return [row[0] for row in await cursor.fetchall()]


async def _due(connection: Connection, domain: str, limit: int, now: float) -> list[str]:
    """Ids that a rule of the dataset no longer keeps, those first that were not updated for longest."""
    found = await datasets_of(connection, "WHERE domain = %s", (domain,))
    if not found:
        return []
    [dataset] = found
    before = now - dataset.retention_days * 86_400 if dataset.retention_days else float("-inf")
    due = await (await connection.execute(_AGED, (domain, before, limit))).fetchall()
    surplus = min(dataset.example_count - dataset.max_examples, limit) if dataset.max_examples else 0
    if surplus > len(due):
        due = await (await connection.execute(_AGED, (domain, float("inf"), surplus))).fetchall()
    return [row[0] for row in due]


async def _archive(connection: Connection, ids: Sequence[str], now: float) -> int:
    await connection.execute(_ARCHIVE, (now, ids))
    moved = await (await connection.execute(_REMOVE, (ids,))).fetchall()
    return await _told(connection, ChangeKind.DELETED, moved, -1)


async def _told(connection: Connection, kind: ChangeKind, moved: Sequence[tuple[Any, ...]], sign: int) -> int:
    """Counts what was moved and continues the feed; returns its head, 0 if nothing was."""
    if not moved:
        return 0
    await connection.execute(_COUNT, {"sign": sign, "domains": [row[1] for row in moved]})
    return await feed.append_ids(connection, kind, moved)
