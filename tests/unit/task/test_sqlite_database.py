"""The task database opens, refuses what is not its own, and tells it in one sentence."""

import sqlite3
from pathlib import Path

import pytest

from servicekit.errors import ConfigurationError
from servicekit.migrations import load
from task_svc.sqlite_database import SqliteDatabase


async def test_a_migrated_database_opens_again(tmp_path: Path) -> None:
    for _ in range(2):
        database = await SqliteDatabase.open(tmp_path / "deep" / "t.sqlite")
        applied = await database.run(lambda c: c.execute("SELECT number, name FROM migrations").fetchall())
        await database.close()
    assert applied == [(migration.number, migration.name) for migration in load("task_svc", "sqlite")]


async def test_a_damaged_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    path.write_bytes(b"this is no database, and long enough to look at" * 100)
    with pytest.raises(ConfigurationError, match="move it away"):
        await SqliteDatabase.open(path)
    assert path.read_bytes().startswith(b"this is no database")


async def test_the_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.sqlite"
    await (await SqliteDatabase.open(path)).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, '9999_future.sql', 'x')")
    connection.close()
    with pytest.raises(ConfigurationError, match="9999"):
        await SqliteDatabase.open(path)


def test_both_stores_have_the_same_migrations() -> None:
    ours, theirs = load("task_svc", "sqlite"), load("task_svc", "postgres")
    assert [migration.name for migration in ours] == [migration.name for migration in theirs]
