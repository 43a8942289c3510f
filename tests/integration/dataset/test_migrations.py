"""Databases that are not as we left them."""

import asyncio
import os
import sqlite3
from pathlib import Path

import psycopg
import pytest

from dataset_svc.postgres_database import PostgresDatabase
from dataset_svc.sqlite_database import SqliteDatabase
from servicekit.errors import ConfigurationError
from servicekit.migrations import load
from tests.support.bank_stores import example, postgres_store, sqlite_store


async def edited(postgres_url: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
        await connection.execute(statement.encode())


async def test_four_that_start_at_once_migrate_postgres_once(postgres_url: str) -> None:
    databases = [PostgresDatabase(postgres_url) for _ in range(4)]
    await asyncio.gather(*(database.open() for database in databases))
    async with databases[0].connection() as connection:
        cursor = await connection.execute("SELECT number, checksum FROM migrations ORDER BY number")
        assert await cursor.fetchall() == [
            (each.number, each.checksum) for each in load("dataset_svc", "postgres")
        ]
    for database in databases:
        await database.close()


async def test_a_changed_migration_is_refused_by_postgres(postgres_url: str) -> None:
    async with postgres_store(postgres_url):
        pass
    await edited(postgres_url, "UPDATE migrations SET checksum = 'another'")
    with pytest.raises(ConfigurationError, match=r"0001_bank.sql was changed after it was applied"):
        async with postgres_store(postgres_url):
            pass


async def test_a_newer_postgres_is_refused(postgres_url: str) -> None:
    async with postgres_store(postgres_url):
        pass
    await edited(postgres_url, "INSERT INTO migrations (number, name, checksum) VALUES (9999, 'x', 'x')")
    with pytest.raises(ConfigurationError, match="migration 9999, which this version does not know"):
        async with postgres_store(postgres_url):
            pass


async def test_a_malformed_url_is_refused_without_its_password() -> None:
    with pytest.raises(ConfigurationError, match="malformed") as refusal:
        await PostgresDatabase("postgresql//ada:hunter2@db bank").open()
    assert "hunter2" not in str(refusal.value)


async def test_a_changed_migration_is_refused_by_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    async with sqlite_store(path):
        pass
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE migrations SET checksum = 'another'")
    connection.close()
    with pytest.raises(ConfigurationError, match=r"0001_bank\.sql was changed .*bank\.db"):
        async with sqlite_store(path):
            pass


async def test_a_file_that_is_no_database_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    with pytest.raises(ConfigurationError, match=rf"{path} is damaged .*move it away"):
        async with sqlite_store(path):
            pass
    assert path.read_bytes().startswith(b"not a database")


async def test_a_file_with_a_damaged_page_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "bank.db"
    async with sqlite_store(path) as store:
        await store.bank.insert_examples([example(number) for number in range(500)])
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 4096] = os.urandom(4096)
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"{path} is damaged"):
        async with sqlite_store(path):
            pass


async def test_a_place_that_cannot_be_written_is_refused_by_name(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("in the way")
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        async with sqlite_store(occupied / "bank.db"):
            pass


async def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    async with sqlite_store(tmp_path / "bank.db") as store:
        await store.bank.insert_examples([example(1)])
    database = SqliteDatabase(tmp_path / "bank.db")
    await database.open()
    ids = await database.read(lambda connection: connection.execute("SELECT id FROM examples").fetchall())
    assert ids == [("id-000001",)]
    await database.close()
