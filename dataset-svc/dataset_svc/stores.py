"""The process's store, put together from its settings: a part of the composition root.

The adapters are imported where they are used, since each process needs one of the two and psycopg is
heavy for an embedded one.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from dataset_svc import journal_entries as entries
from dataset_svc.fallback import JournalledBank, JournalledConversations, Replay, Superseded
from dataset_svc.fallback_guards import GuardedArchive, GuardedImports, GuardedUsers
from dataset_svc.fallback_keys import RefusedKeys
from dataset_svc.outage import Outage
from dataset_svc.ports import Archive, Bank, Conversations, Imports, Keys, Users
from dataset_svc.settings import DatasetSettings
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.journal import Journal, Replayer

_BUDGET_SECONDS: Final = 2.0
_SQLITE_FILE: Final = "bank.db"
_JOURNAL_FILE: Final = "bank-journal.db"


@dataclass(frozen=True, slots=True)
class Store:
    """The ports on one database; `journalled` counts the writes that wait for it."""

    name: str
    bank: Bank
    conversations: Conversations
    imports: Imports
    archive: Archive
    users: Users
    keys: Keys
    journalled: Callable[[], Awaitable[int]]


@asynccontextmanager
async def open_store(
    settings: DatasetSettings, registry: CollectorRegistry, superseded: Superseded
) -> AsyncIterator[Store]:
    """The store that the settings ask for, which with PostgreSQL may be away.

    Raises:
        ConfigurationError: Its file, URL, journal or migrations cannot be used; one sentence says why.
    """
    if settings.database_url is None:
        opening = _sqlite(settings.data_dir / _SQLITE_FILE)
    else:
        opening = _postgres(settings, settings.database_url.get_secret_value(), registry, superseded)
    async with opening as store:
        yield store


@asynccontextmanager
async def _sqlite(path: Path) -> AsyncIterator[Store]:
    from dataset_svc.sqlite import SqliteBank  # noqa: PLC0415 - see the module's docstring
    from dataset_svc.sqlite_archive import SqliteArchive  # noqa: PLC0415 - as above
    from dataset_svc.sqlite_conversations import SqliteConversations  # noqa: PLC0415 - as above
    from dataset_svc.sqlite_database import SqliteDatabase  # noqa: PLC0415 - as above
    from dataset_svc.sqlite_imports import SqliteImports  # noqa: PLC0415 - as above
    from dataset_svc.sqlite_keys import SqliteKeys  # noqa: PLC0415 - as above
    from dataset_svc.sqlite_users import SqliteUsers  # noqa: PLC0415 - as above

    async def none() -> int:
        return 0

    database = SqliteDatabase(path)
    bank = SqliteBank(database)
    try:
        await database.open()
        yield Store(
            "sqlite",
            bank,
            SqliteConversations(database),
            SqliteImports(database, bank.signal),
            SqliteArchive(database, bank.signal),
            SqliteUsers(database, bank.signal),
            SqliteKeys(database),
            none,
        )
    finally:
        await database.close()


@asynccontextmanager
async def _postgres(
    settings: DatasetSettings, url: str, registry: CollectorRegistry, superseded: Superseded
) -> AsyncIterator[Store]:
    from dataset_svc.postgres import PostgresBank  # noqa: PLC0415 - see the module's docstring
    from dataset_svc.postgres_archive import PostgresArchive  # noqa: PLC0415 - as above
    from dataset_svc.postgres_conversations import PostgresConversations  # noqa: PLC0415 - as above
    from dataset_svc.postgres_database import PostgresDatabase, PostgresLimits  # noqa: PLC0415 - as above
    from dataset_svc.postgres_imports import PostgresImports  # noqa: PLC0415 - as above
    from dataset_svc.postgres_keys import PostgresKeys  # noqa: PLC0415 - as above
    from dataset_svc.postgres_users import PostgresUsers  # noqa: PLC0415 - as above

    limits = PostgresLimits(
        connections=settings.database_connections,
        connect_seconds=settings.database_connect_seconds,
        statement_seconds=settings.database_statement_seconds,
        call_seconds=settings.database_call_seconds,
    )
    database = PostgresDatabase(url, limits)
    bank, conversations = PostgresBank(database), PostgresConversations(database)
    users = PostgresUsers(database, bank.signal)
    breaker = Breaker("postgres", budget_seconds=_BUDGET_SECONDS, reset_seconds=0.5)
    outage = Outage(bank.ping, breaker, Degradation("postgres", registry))
    try:
        await database.open()
        async with Journal(settings.data_dir / _JOURNAL_FILE) as journal, outage:
            replayer = Replayer(
                journal, Replay(bank, conversations, users, outage, superseded), registry, name="bank"
            )
            outage.on_return(replayer.wake)

            async def waiting() -> int:
                return journal.count

            async with replayer:
                yield Store(
                    "postgres",
                    JournalledBank(bank, outage, journal),
                    JournalledConversations(conversations, outage, journal),
                    GuardedImports(PostgresImports(database, bank.signal), outage),
                    GuardedArchive(PostgresArchive(database, bank.signal), outage),
                    GuardedUsers(users, outage, partial(_erase, journal)),
                    RefusedKeys(PostgresKeys(database), outage),
                    waiting,
                )
    finally:
        await bank.close()


async def _erase(journal: Journal, user_id: str) -> None:
    await journal.discard(lambda entry: entries.names_user(entry, user_id))
