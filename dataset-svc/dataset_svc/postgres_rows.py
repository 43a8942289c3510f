"""The statements on the bank's tables in PostgreSQL, each on the caller's connection."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from dataset_svc.batches import Candidate, ContentKey, domain_counts
from dataset_svc.errors import DatasetNotFound, ExampleNotFound
from dataset_svc.model import Analyser, Dataset, DatasetEdit, Example, StoreCounts
from dataset_svc.postgres_database import Connection

_DATASETS: Final = (
    "SELECT domain, description, example_count, create_time, update_time, retention_days, max_examples, "
    "analyser, archived_count FROM datasets "
)
_EXAMPLES: Final = (
    "SELECT e.id, e.domain, e.prompt, e.response, e.metadata_json, e.create_time, e.update_time, d.analyser "
    "FROM examples e JOIN datasets d ON d.domain = e.domain "
)
_COPY: Final = (
    "COPY examples (id, domain, prompt, response, metadata_json, create_time, update_time, content_hash) "
    "FROM STDIN (FORMAT BINARY)"
)
_COPY_TYPES: Final = ("text", "text", "text", "text", "text", "float8", "float8", "bytea")
_COUNT_IN: Final = (
    "INSERT INTO datasets (domain, description, example_count, create_time, update_time) "
    "SELECT domain, '', count, first, first "
    "FROM unnest(%s::text[], %s::bigint[], %s::float8[]) AS input (domain, count, first) "
    "ON CONFLICT (domain) DO UPDATE SET example_count = datasets.example_count + excluded.example_count"
)
_TAKEN: Final = (
    "SELECT e.domain, e.content_hash, e.id FROM examples e "
    "JOIN unnest(%s::text[], %s::bytea[]) AS input (domain, content_hash) "
    "ON e.domain = input.domain AND e.content_hash = input.content_hash"
)
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM datasets), "
    "(SELECT coalesce(sum(example_count), 0)::bigint FROM datasets), "
    "(SELECT count(*) FROM conversations), "
    "(SELECT coalesce(sum(message_count), 0)::bigint FROM conversations), "
    "(SELECT count(*) FROM feedback), "
    "(SELECT coalesce(sum(archived_count), 0)::bigint FROM datasets)"
)
SNAPSHOT: Final = _EXAMPLES


async def datasets(connection: Connection, after_domain: str, limit: int) -> list[Dataset]:
    """Datasets by name."""
    cursor = await connection.execute(
        _DATASETS + "WHERE domain > %s ORDER BY domain LIMIT %s", (after_domain, limit)
    )
    return [_dataset(row) for row in await cursor.fetchall()]


async def datasets_of(connection: Connection, condition: str, values: Sequence[Any]) -> list[Dataset]:
    """Datasets that meet a condition in SQL."""
    cursor = await connection.execute(_DATASETS + condition, values)
    return [_dataset(row) for row in await cursor.fetchall()]


async def dataset(connection: Connection, domain: str) -> Dataset:
    """The dataset; raises `DatasetNotFound`."""
    cursor = await connection.execute(_DATASETS + "WHERE domain = %s", (domain,))
    if (row := await cursor.fetchone()) is None:
        raise DatasetNotFound(f"There is no dataset {domain!r}.")
    return _dataset(row)


async def add_dataset(connection: Connection, new: Dataset) -> bool:
    """Adds an empty dataset; returns False if there is one of that name."""
    cursor = await connection.execute(
        "INSERT INTO datasets (domain, description, create_time, update_time, retention_days, max_examples, "
        "analyser) VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
        (
            new.domain,
            new.description,
            new.create_time,
            new.update_time,
            new.retention_days,
            new.max_examples,
            new.analyser.value,
        ),
    )
    return cursor.rowcount > 0


async def change_dataset(connection: Connection, domain: str, edit: DatasetEdit, now: float) -> None:
    """Changes what is not None."""
    await connection.execute(
        "UPDATE datasets SET description = coalesce(%s, description), "
        "retention_days = coalesce(%s, retention_days), max_examples = coalesce(%s, max_examples), "
        "analyser = coalesce(%s, analyser), update_time = %s WHERE domain = %s",
        (
            edit.description,
            edit.retention_days,
            edit.max_examples,
            edit.analyser.value if edit.analyser else None,
            now,
            domain,
        ),
    )


async def remove_dataset(connection: Connection, domain: str) -> None:
    """Removes the dataset with its examples."""
    await connection.execute("DELETE FROM examples WHERE domain = %s", (domain,))
    await connection.execute("DELETE FROM examples_archive WHERE domain = %s", (domain,))
    await connection.execute("DELETE FROM datasets WHERE domain = %s", (domain,))


async def example(connection: Connection, example_id: str) -> Example:
    """The example; raises `ExampleNotFound`."""
    found = await find(connection, example_id)
    if found is None:
        raise ExampleNotFound(f"There is no example {example_id!r}.")
    return found


async def find(connection: Connection, example_id: str) -> Example | None:
    """The example, or None."""
    cursor = await connection.execute(_EXAMPLES + "WHERE e.id = %s", (example_id,))
    row = await cursor.fetchone()
    return example_of(row) if row else None


async def taken_ids(connection: Connection, batch: Sequence[Candidate]) -> set[str]:
    """Ids of the batch that are there already, in the archive too."""
    ids = [candidate.example.id for candidate in batch]
    cursor = await connection.execute(
        "SELECT id FROM examples WHERE id = ANY(%s) "
        "UNION ALL SELECT id FROM examples_archive WHERE id = ANY(%s)",
        (ids, ids),
    )
    return {row[0] for row in await cursor.fetchall()}


async def taken_contents(connection: Connection, batch: Sequence[Candidate]) -> Mapping[ContentKey, str]:
    """Contents of the batch that are there already, with the id that each has."""
    domains, digests = [each.key[0] for each in batch], [each.key[1] for each in batch]
    cursor = await connection.execute(_TAKEN, (domains, digests))
    return {(row[0], bytes(row[1])): row[2] for row in await cursor.fetchall()}


async def store(connection: Connection, fresh: Sequence[Candidate]) -> None:
    """Inserts examples that are known to be new, and their datasets where they are missing.

    Nothing can have made them old since: whoever writes examples holds the feed's lock.
    """
    counted = domain_counts(fresh)
    await connection.execute(
        _COUNT_IN,
        (list(counted), [count for count, _ in counted.values()], [first for _, first in counted.values()]),
    )
    async with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.set_types(_COPY_TYPES)
        for candidate in fresh:
            new = candidate.example
            await copy.write_row(
                (
                    new.id,
                    new.domain,
                    new.prompt,
                    new.response,
                    new.metadata_json,
                    new.create_time,
                    new.update_time,
                    candidate.key[1],
                )
            )


async def rewrite(connection: Connection, changed: Candidate) -> bool:
    """Stores an example's new content; returns False if another of its domain has it."""
    cursor = await connection.execute(
        "UPDATE examples SET prompt = %s, response = %s, metadata_json = %s, update_time = %s, "
        "content_hash = %s WHERE id = %s AND NOT EXISTS (SELECT 1 FROM examples "
        "WHERE domain = %s AND content_hash = %s AND id <> %s)",
        (
            changed.example.prompt,
            changed.example.response,
            changed.example.metadata_json,
            changed.example.update_time,
            changed.key[1],
            changed.example.id,
            *changed.key,
            changed.example.id,
        ),
    )
    return cursor.rowcount > 0


async def remove(connection: Connection, gone: Example) -> None:
    """Removes an example."""
    await connection.execute("DELETE FROM examples WHERE id = %s", (gone.id,))
    await connection.execute(
        "UPDATE datasets SET example_count = example_count - 1 WHERE domain = %s", (gone.domain,)
    )


async def counts(connection: Connection) -> StoreCounts:
    """Rows in the store."""
    row = await (await connection.execute(_COUNTS)).fetchone()
    return StoreCounts(*row) if row else StoreCounts(0, 0, 0, 0, 0, 0)


def example_of(row: Sequence[Any]) -> Example:
    """The example in a row of its columns in their order, the analyser of its dataset last."""
    return Example(*(*row[:-1], Analyser(row[-1])))


def _dataset(row: Sequence[Any]) -> Dataset:
    return Dataset(*(*row[:-2], Analyser(row[-2]), row[-1]))
