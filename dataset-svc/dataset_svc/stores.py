"""The process's store, put together from its settings: a part of the composition root.

The adapters are imported where they are used, since each process needs one of the two and psycopg is
heavy for an embedded one.
"""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from dataset_svc import journal_entries as entries
from dataset_svc.fallback import JournalledBank, JournalledConversations
from dataset_svc.fallback_conflicts import NoConflicts
from dataset_svc.fallback_guards import GuardedArchive, GuardedConflicts, GuardedImports, GuardedUsers
from dataset_svc.fallback_journals import Adoption, own_journal
from dataset_svc.fallback_keys import RefusedKeys
from dataset_svc.fallback_replay import Replay, Shown
from dataset_svc.outage import Outage
from dataset_svc.ports import (
    Archive,
    Bank,
    Conflicts,
    Conversations,
    Imports,
    Keys,
    LocalView,
    Replays,
    Users,
)
from dataset_svc.settings import DatasetSettings
from servicekit.background import in_background
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.held import HeldMetrics
from servicekit.identifiers import new_id
from servicekit.journal import Journal, Replayer
from servicekit.metrics import shared

_BUDGET_SECONDS: Final = 2.0
_SQLITE_FILE: Final = "bank.db"


@dataclass(frozen=True, slots=True)
class Store:
    """The ports on one database; `journalled` counts the writes that wait for it."""

    name: str
    bank: Bank
    conversations: Conversations
    imports: Imports
    archive: Archive
    conflicts: Conflicts
    users: Users
    keys: Keys
    journalled: Callable[[], Awaitable[int]]


@asynccontextmanager
async def open_store(
    settings: DatasetSettings, registry: CollectorRegistry, view: LocalView
) -> AsyncIterator[Store]:
    """The store that the settings ask for, which with PostgreSQL may be away; `view` then shows what waits.

    Raises:
        ConfigurationError: Its file, URL, journal or migrations cannot be used; one sentence says why.
    """
    if settings.database_url is None:
        opening = _sqlite(settings.data_dir / _SQLITE_FILE)
    else:
        opening = _postgres(settings, settings.database_url.get_secret_value(), registry, view)
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
            NoConflicts(),
            SqliteUsers(database, bank.signal),
            SqliteKeys(database),
            none,
        )
    finally:
        await database.close()


@asynccontextmanager
async def _postgres(
    settings: DatasetSettings, url: str, registry: CollectorRegistry, view: LocalView
) -> AsyncIterator[Store]:
    from dataset_svc.postgres import PostgresBank  # noqa: PLC0415 - see the module's docstring
    from dataset_svc.postgres_archive import PostgresArchive  # noqa: PLC0415 - as above
    from dataset_svc.postgres_conversations import PostgresConversations  # noqa: PLC0415 - as above
    from dataset_svc.postgres_database import PostgresDatabase, PostgresLimits  # noqa: PLC0415 - as above
    from dataset_svc.postgres_imports import PostgresImports  # noqa: PLC0415 - as above
    from dataset_svc.postgres_keys import PostgresKeys  # noqa: PLC0415 - as above
    from dataset_svc.postgres_replays import PostgresConflicts, PostgresReplays  # noqa: PLC0415 - as above
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
    held = shared(registry, HeldMetrics)
    held.watch_pool("postgres", database.pool)
    breaker = held.watch_breaker(Breaker("postgres", budget_seconds=_BUDGET_SECONDS, reset_seconds=0.5))
    outage = Outage(bank.ping, breaker, Degradation("postgres", registry))
    try:
        await database.open()
        replays, shown = PostgresReplays(database, bank.signal), Shown(view)
        async with _journalling(settings.data_dir, registry, outage, replays, shown) as (
            journal,
            replay,
        ):

            async def waiting() -> int:
                return journal.count

            yield Store(
                "postgres",
                JournalledBank(bank, outage, journal, shown, clock=time.time, new_id=new_id),
                JournalledConversations(conversations, outage, journal),
                GuardedImports(PostgresImports(database, bank.signal), outage),
                GuardedArchive(PostgresArchive(database, bank.signal), outage),
                GuardedConflicts(PostgresConflicts(database), outage),
                GuardedUsers(users, outage, partial(_erase, journal, replay)),
                RefusedKeys(PostgresKeys(database), outage),
                waiting,
            )
    finally:
        await bank.close()


@asynccontextmanager
async def _journalling(
    data_dir: Path, registry: CollectorRegistry, outage: Outage, replays: Replays, shown: Shown
) -> AsyncIterator[tuple[Journal, Replay]]:
    """This replica's journal and what applies its entries; within, what others left is replayed as well."""
    async with AsyncExitStack() as stack:
        journal = await stack.enter_async_context(own_journal(data_dir))
        await shown.restore(await journal.find(entries.of_an_example))
        await stack.enter_async_context(outage)
        replay = Replay(replays, outage, shown, clock=time.time)
        replayer = Replayer(journal, replay, registry, name="bank")
        outage.on_return(replayer.wake)
        await stack.enter_async_context(replayer)
        adopting = Replay(replays, outage, None, clock=time.time)
        adoption = Adoption(data_dir, adopting, outage, registry)
        await stack.enter_async_context(in_background("adoption", adoption.run))
        yield journal, replay


async def _erase(journal: Journal, replay: Replay, user_id: str) -> None:
    """Has the store, which has forgotten the user, drop what waits of them, then overwrites it."""
    for entry in await journal.find(lambda entry: entries.names_user(entry, user_id)):
        await replay(entry)
    await journal.discard(lambda entry: entries.names_user(entry, user_id))
