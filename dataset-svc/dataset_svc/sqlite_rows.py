"""The statements on the bank's tables in SQLite, each within the transaction of the caller."""

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from dataset_svc.batches import Candidate, ContentKey, digest_of, domain_counts
from dataset_svc.errors import DatasetNotFound, ExampleExists, ExampleNotFound
from dataset_svc.model import Analyser, Change, ChangeKind, Dataset, DatasetEdit, Example, StoreCounts

_DATASETS: Final = (
    "SELECT domain, description, example_count, create_time, update_time, retention_days, max_examples, "
    "analyser, archived_count FROM datasets "
)
_EXAMPLES: Final = (
    "SELECT e.id, e.domain, e.prompt, e.response, e.metadata_json, e.create_time, e.update_time, d.analyser "
    "FROM examples e JOIN datasets d ON d.domain = e.domain "
)
_CHANGES: Final = (
    "SELECT c.sequence, c.kind, c.example_id, c.domain, e.id, e.domain, e.prompt, e.response, "
    "e.metadata_json, e.create_time, e.update_time, d.analyser FROM changes c "
    "LEFT JOIN examples e ON e.id = c.example_id LEFT JOIN datasets d ON d.domain = e.domain "
    "WHERE c.sequence > ? ORDER BY c.sequence LIMIT ?"
)
_COUNTS: Final = (
    "SELECT (SELECT count(*) FROM datasets), "
    "(SELECT coalesce(sum(example_count), 0) FROM datasets), "
    "(SELECT count(*) FROM conversations), "
    "(SELECT coalesce(sum(message_count), 0) FROM conversations), "
    "(SELECT count(*) FROM feedback), "
    "(SELECT coalesce(sum(archived_count), 0) FROM datasets)"
)


def head(connection: sqlite3.Connection) -> int:
    """Sequence of the newest change; the newest row is never pruned, so the next one is always known."""
    return int(connection.execute("SELECT coalesce(max(sequence), 0) FROM changes").fetchone()[0])


def datasets(connection: sqlite3.Connection, after_domain: str, limit: int) -> list[Dataset]:
    """Datasets by name."""
    rows = connection.execute(_DATASETS + "WHERE domain > ? ORDER BY domain LIMIT ?", (after_domain, limit))
    return [_dataset(row) for row in rows]


def datasets_of(connection: sqlite3.Connection, condition: str, values: Sequence[Any]) -> list[Dataset]:
    """Datasets that meet a condition in SQL."""
    return [_dataset(row) for row in connection.execute(_DATASETS + condition, values)]


def dataset(connection: sqlite3.Connection, domain: str) -> Dataset:
    """The dataset; raises `DatasetNotFound`."""
    row = connection.execute(_DATASETS + "WHERE domain = ?", (domain,)).fetchone()
    if row is None:
        raise DatasetNotFound(f"There is no dataset {domain!r}.")
    return _dataset(row)


def add_dataset(connection: sqlite3.Connection, new: Dataset) -> bool:
    """Adds an empty dataset; returns False if there is one of that name."""
    cursor = connection.execute(
        "INSERT INTO datasets (domain, description, create_time, update_time, retention_days, max_examples, "
        "analyser) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
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


def change_dataset(connection: sqlite3.Connection, domain: str, edit: DatasetEdit, now: float) -> None:
    """Changes what is not None."""
    connection.execute(
        "UPDATE datasets SET description = coalesce(?, description), "
        "retention_days = coalesce(?, retention_days), max_examples = coalesce(?, max_examples), "
        "analyser = coalesce(?, analyser), update_time = ? WHERE domain = ?",
        (
            edit.description,
            edit.retention_days,
            edit.max_examples,
            edit.analyser.value if edit.analyser else None,
            now,
            domain,
        ),
    )


def remove_dataset(connection: sqlite3.Connection, domain: str) -> None:
    """Removes the dataset with its examples, each of them told in the feed."""
    append_domain(connection, ChangeKind.DELETED, domain)
    connection.execute("DELETE FROM examples WHERE domain = ?", (domain,))
    connection.execute("DELETE FROM examples_archive WHERE domain = ?", (domain,))
    connection.execute("DELETE FROM datasets WHERE domain = ?", (domain,))


def example(connection: sqlite3.Connection, example_id: str) -> Example:
    """The example; raises `ExampleNotFound`."""
    row = connection.execute(_EXAMPLES + "WHERE e.id = ?", (example_id,)).fetchone()
    if row is None:
        raise ExampleNotFound(f"There is no example {example_id!r}.")
    return example_of(row)


def all_examples(connection: sqlite3.Connection) -> sqlite3.Cursor:
    """A cursor over the columns of every example, in the order of the file."""
    return connection.execute(_EXAMPLES)


def taken_ids(connection: sqlite3.Connection, batch: Sequence[Candidate]) -> set[str]:
    """Ids of the batch that are there already, in the archive too."""
    statement = "SELECT 1 FROM examples WHERE id = ?1 UNION ALL SELECT 1 FROM examples_archive WHERE id = ?1"
    ids = (candidate.example.id for candidate in batch)
    return {example_id for example_id in ids if connection.execute(statement, (example_id,)).fetchone()}


def taken_contents(connection: sqlite3.Connection, batch: Sequence[Candidate]) -> Mapping[ContentKey, str]:
    """Contents of the batch that are there already, with the id that each has."""
    statement = "SELECT id FROM examples WHERE domain = ? AND content_hash = ?"
    found = ((candidate.key, connection.execute(statement, candidate.key).fetchone()) for candidate in batch)
    return {key: row[0] for key, row in found if row is not None}


def store(connection: sqlite3.Connection, fresh: Sequence[Candidate]) -> None:
    """Inserts examples that are known to be new, and their datasets where they are missing."""
    connection.executemany(
        "INSERT INTO datasets (domain, description, example_count, create_time, update_time) "
        "VALUES (?1, '', ?2, ?3, ?3) "
        "ON CONFLICT (domain) DO UPDATE SET example_count = example_count + excluded.example_count",
        [(domain, count, first) for domain, (count, first) in domain_counts(fresh).items()],
    )
    connection.executemany(
        "INSERT INTO examples (id, domain, prompt, response, metadata_json, create_time, update_time, "
        "content_hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                new.example.id,
                new.example.domain,
                new.example.prompt,
                new.example.response,
                new.example.metadata_json,
                new.example.create_time,
                new.example.update_time,
                new.key[1],
            )
            for new in fresh
        ],
    )
    append_changes(connection, ChangeKind.CREATED, (candidate.example for candidate in fresh))


def rewrite(connection: sqlite3.Connection, changed: Example) -> None:
    """Stores an example's new content; raises `ExampleExists` if another of its domain has it."""
    try:
        connection.execute(
            "UPDATE examples SET prompt = ?, response = ?, metadata_json = ?, update_time = ?, "
            "content_hash = ? WHERE id = ?",
            (
                changed.prompt,
                changed.response,
                changed.metadata_json,
                changed.update_time,
                digest_of(changed),
                changed.id,
            ),
        )
    except sqlite3.IntegrityError as error:
        raise ExampleExists(f"Another example of {changed.domain!r} has this content already.") from error
    append_changes(connection, ChangeKind.UPDATED, [changed])


def remove(connection: sqlite3.Connection, gone: Example) -> None:
    """Removes an example."""
    connection.execute("DELETE FROM examples WHERE id = ?", (gone.id,))
    connection.execute(
        "UPDATE datasets SET example_count = example_count - 1 WHERE domain = ?", (gone.domain,)
    )
    append_changes(connection, ChangeKind.DELETED, [gone])


def append_changes(connection: sqlite3.Connection, kind: ChangeKind, examples: Iterable[Example]) -> None:
    """Continues the feed; the transaction holds the file's only write lock, so nothing can come between."""
    append_keys(connection, kind, ((changed.id, changed.domain) for changed in examples))


def append_keys(connection: sqlite3.Connection, kind: ChangeKind, keys: Iterable[tuple[str, str]]) -> None:
    """As `append_changes`, by id and domain."""
    last = head(connection)
    connection.executemany(
        "INSERT INTO changes (sequence, kind, example_id, domain) VALUES (?, ?, ?, ?)",
        [(last + 1 + i, kind.value, *key) for i, key in enumerate(keys)],
    )


def append_domain(connection: sqlite3.Connection, kind: ChangeKind, domain: str) -> None:
    """Continues the feed by a change of every example of a domain."""
    connection.execute(
        "INSERT INTO changes (sequence, kind, example_id, domain) "
        "SELECT ? + row_number() OVER (), ?, id, domain FROM examples WHERE domain = ?",
        (head(connection), kind.value, domain),
    )


def changes(connection: sqlite3.Connection, after: int, limit: int) -> list[Change]:
    """The feed after a sequence, each change with the newest state of its example."""
    return [
        Change(row[0], ChangeKind(row[1]), row[2], row[3], None if row[4] is None else example_of(row[4:]))
        for row in connection.execute(_CHANGES, (after, limit))
    ]


def counts(connection: sqlite3.Connection) -> StoreCounts:
    """Rows in the store."""
    return StoreCounts(*connection.execute(_COUNTS).fetchone())


def example_of(row: Sequence[Any]) -> Example:
    """The example in a row of its columns in their order, the analyser of its dataset last."""
    return Example(*(*row[:-1], Analyser(row[-1])))


def _dataset(row: Sequence[Any]) -> Dataset:
    return Dataset(*(*row[:-2], Analyser(row[-2]), row[-1]))
