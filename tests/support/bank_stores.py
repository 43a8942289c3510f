"""The bank's stores on real databases, and the examples that tests put in."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dataset_svc.feed_signal import FeedSignal
from dataset_svc.model import Example
from dataset_svc.ports import Archive, Bank, Conflicts, Conversations, Imports, Keys, Replays, Users
from dataset_svc.postgres import PostgresBank
from dataset_svc.postgres_archive import PostgresArchive
from dataset_svc.postgres_conversations import PostgresConversations
from dataset_svc.postgres_database import DEFAULT_LIMITS, PostgresDatabase, PostgresLimits
from dataset_svc.postgres_imports import PostgresImports
from dataset_svc.postgres_keys import PostgresKeys
from dataset_svc.postgres_replays import PostgresConflicts, PostgresReplays
from dataset_svc.postgres_users import PostgresUsers
from dataset_svc.sqlite import SqliteBank
from dataset_svc.sqlite_archive import SqliteArchive
from dataset_svc.sqlite_conversations import SqliteConversations
from dataset_svc.sqlite_database import SqliteDatabase
from dataset_svc.sqlite_imports import SqliteImports
from dataset_svc.sqlite_keys import SqliteKeys
from dataset_svc.sqlite_users import SqliteUsers


@dataclass(frozen=True, slots=True)
class BankStore:
    """The ports on one database."""

    bank: Bank
    conversations: Conversations
    imports: Imports
    archive: Archive
    users: Users
    keys: Keys


@asynccontextmanager
async def sqlite_store(path: Path) -> AsyncIterator[BankStore]:
    """The stores in a SQLite file."""
    database = SqliteDatabase(path)
    bank = SqliteBank(database)
    try:
        await database.open()
        yield BankStore(
            bank,
            SqliteConversations(database),
            SqliteImports(database, bank.signal),
            SqliteArchive(database, bank.signal),
            SqliteUsers(database, bank.signal),
            SqliteKeys(database),
        )
    finally:
        await bank.close()


@asynccontextmanager
async def postgres_store(url: str, limits: PostgresLimits = DEFAULT_LIMITS) -> AsyncIterator[BankStore]:
    """The stores in a PostgreSQL database."""
    database = PostgresDatabase(url, limits)
    bank = PostgresBank(database)
    try:
        await database.open()
        yield BankStore(
            bank,
            PostgresConversations(database),
            PostgresImports(database, bank.signal),
            PostgresArchive(database, bank.signal),
            PostgresUsers(database, bank.signal),
            PostgresKeys(database),
        )
    finally:
        await bank.close()


@dataclass(frozen=True, slots=True)
class Journalled:
    """What takes journalled writes in, and what it met."""

    replays: Replays
    conflicts: Conflicts


@asynccontextmanager
async def postgres_journalled(url: str) -> AsyncIterator[Journalled]:
    """The way of journalled writes into a PostgreSQL database."""
    database = PostgresDatabase(url)
    try:
        await database.open()
        yield Journalled(PostgresReplays(database, FeedSignal()), PostgresConflicts(database))
    finally:
        await database.close()


Replicas = Callable[[], AbstractAsyncContextManager[BankStore]]
"""Opens one more store on the same database, as another process does."""


@pytest.fixture(params=["sqlite", "postgres"])
def bank_replicas(request: pytest.FixtureRequest, tmp_path: Path) -> Replicas:
    """An empty database of each kind, for any number of stores on it."""
    if request.param == "sqlite":
        return lambda: sqlite_store(tmp_path / "bank.db")
    url: str = request.getfixturevalue("postgres_url")
    return lambda: postgres_store(url)


@pytest.fixture
async def bank_store(bank_replicas: Replicas) -> AsyncIterator[BankStore]:
    """An empty store of each kind; whoever uses it is run against both."""
    async with bank_replicas() as store:
        yield store


def example(number: int, *, domain: str = "physics", **fields: Any) -> Example:
    """An example whose id sorts by its number; equal numbers of a domain have equal content."""
    values: dict[str, Any] = {
        "id": f"id-{number:06}",
        "domain": domain,
        "prompt": f"What is {number}?",
        "response": f"It is the number {number}.",
        "metadata_json": f'{{"number": {number}}}',
        "create_time": 1_700_000_000.25 + number,
        "update_time": 1_700_000_000.25 + number,
    }
    return Example(**(values | fields))
