"""PostgreSQL goes away, and comes back: the table of dataset_svc.fallback, row by row, on a real server."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from dataset_svc.errors import StoreUnavailable
from dataset_svc.index import TantivyIndex
from dataset_svc.model import Dataset, Durability, Example, Feedback, Message, Rating, Role
from dataset_svc.postgres import PostgresBank
from dataset_svc.postgres_database import PostgresDatabase
from dataset_svc.settings import DatasetSettings
from dataset_svc.stores import Store, open_store
from servicekit.degrade import collecting
from servicekit.settings import load
from tests.support.bank_stores import example, postgres_store
from tests.support.local_index import local_index
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

BACK_WITHIN_SECONDS = 5.0
BUDGET_SECONDS = 2.0
Opening = Callable[[], AbstractAsyncContextManager[Store]]


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        yield proxy


@pytest.fixture
async def index(tmp_path: Path) -> AsyncIterator[TantivyIndex]:
    async with local_index(tmp_path / "index") as index:
        yield index


@pytest.fixture
def opening(
    proxy: FaultyProxy,
    postgres_server: PostgresServer,
    postgres_database: str,
    tmp_path: Path,
    index: TantivyIndex,
) -> Opening:
    """Opens the store as the service does, with PostgreSQL behind the proxy."""
    url = postgres_server.url(postgres_database, address=proxy.address)
    return lambda: open_store(
        load(DatasetSettings, data_dir=tmp_path, database_url=url), CollectorRegistry(), index
    )


def said(number: int) -> Message:
    return Message(f"m-{number:03}", Role.USER, f"Message {number}", "{}", 1_700_000_000.0 + number)


async def drained(store: Store) -> None:
    async def empty() -> bool:
        return await store.journalled() == 0

    await eventually(empty, BACK_WITHIN_SECONDS)


async def direct(postgres_url: str) -> list[Example]:
    """All examples, asked for past every fault."""
    async with postgres_store(postgres_url) as store:
        return [each async for _, batch in store.bank.snapshot() for each in batch]


async def test_a_healthy_store_commits_and_is_not_degraded(opening: Opening) -> None:
    async with opening() as store:
        with collecting() as names:
            outcome = await store.bank.insert_examples([example(1)])
            assert await store.conversations.append_messages("c", "ada", [said(1)]) is Durability.COMMITTED
        assert outcome.durability is Durability.COMMITTED
        assert names == set()


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_single_writes_are_journalled_and_replayed_once_when_it_returns(
    fault: str, opening: Opening, proxy: FaultyProxy, postgres_url: str
) -> None:
    async with opening() as store:
        await store.bank.insert_examples([example(1)])
        await getattr(proxy, fault)()
        with collecting() as names:
            outcome = await store.bank.insert_examples([example(2)])
            appended = await store.conversations.append_messages("c", "ada", [said(1), said(2)])
            feedback = Feedback("f", "ada", "Good.", Rating.LIKE, "{}", 1_700_000_000.0)
            assert await store.conversations.record_feedback(feedback) is Durability.JOURNALLED
        assert outcome.durability is Durability.JOURNALLED
        assert outcome.insertions[0].id == example(2).id
        assert appended is Durability.JOURNALLED
        assert names == {"postgres"}
        assert await store.journalled() == 3
        await proxy.pass_through()
        await drained(store)
        assert await store.conversations.list_messages("c", "ada", (0.0, ""), 10) == [said(1), said(2)]
        assert (await store.bank.counts()).feedback == 1
        with collecting() as names:
            assert (await store.bank.insert_examples([example(3)])).durability is Durability.COMMITTED
        assert names == set()
    assert sorted(each.id for each in await direct(postgres_url)) == ["id-000001", "id-000002", "id-000003"]


async def test_what_depends_on_the_store_is_refused(opening: Opening, proxy: FaultyProxy) -> None:
    async with opening() as store:
        await store.bank.insert_examples([example(1)])
        await proxy.refuse()
        for refused in (
            store.bank.insert_examples([example(2), example(3)]),
            store.bank.create_dataset(Dataset("new", "", 0, 1.0, 1.0)),
            store.bank.delete_dataset("physics", force=True),
            store.bank.list_datasets("", 10),
            store.bank.head_sequence(),
            store.bank.ping(),
            store.conversations.get_conversation("c", "ada"),
            store.conflicts.list(0, 10),
        ):
            with pytest.raises(StoreUnavailable):
                await refused
        assert await store.journalled() == 0


@pytest.mark.parametrize("fault", ["refuse", "hang"])
async def test_calls_that_were_refused_work_again_soon_after_its_return(
    fault: str, opening: Opening, proxy: FaultyProxy
) -> None:
    async with opening() as store:
        await store.bank.insert_examples([example(1)])
        await getattr(proxy, fault)()
        for _ in range(5):
            with pytest.raises(StoreUnavailable):
                await store.bank.list_datasets("", 10)
        await proxy.pass_through()

        async def answers() -> bool:
            try:
                return len(await store.bank.list_datasets("", 10)) == 1
            except StoreUnavailable:
                return False

        assert await eventually(answers, BACK_WITHIN_SECONDS)


async def test_a_black_hole_costs_one_budget_once(opening: Opening, proxy: FaultyProxy) -> None:
    async with opening() as store:
        await store.bank.insert_examples([example(1)])
        await proxy.hang()
        begun = time.monotonic()
        await asyncio.gather(*(store.bank.insert_examples([example(number)]) for number in range(2, 12)))
        # Ten who paid one after the other would take ten budgets; half of that is left to a busy machine.
        assert time.monotonic() - begun < 5 * BUDGET_SECONDS
        begun = time.monotonic()
        for number in range(12, 32):
            await store.bank.insert_examples([example(number)])
            with pytest.raises(StoreUnavailable):
                await store.bank.head_sequence()
        # Forty calls, and none of them paid another one.
        assert time.monotonic() - begun < 5 * BUDGET_SECONDS


async def test_it_starts_without_its_database_and_migrates_when_it_comes(
    opening: Opening, proxy: FaultyProxy, postgres_url: str
) -> None:
    await proxy.refuse()
    async with opening() as store:
        assert (await store.bank.insert_examples([example(1)])).durability is Durability.JOURNALLED
        await proxy.pass_through()
        await drained(store)
        assert await store.bank.get_example("id-000001") == example(1)
    assert [each.id for each in await direct(postgres_url)] == ["id-000001"]


async def test_what_was_journalled_survives_a_restart_and_keeps_its_order(
    opening: Opening, proxy: FaultyProxy
) -> None:
    async with opening() as store:
        await store.conversations.append_messages("c", "ada", [said(1)])
        await proxy.refuse()
        for number in range(2, 30):
            await store.conversations.append_messages("c", "ada", [said(number)])
    await proxy.pass_through()
    async with opening() as store:
        await drained(store)
        found = await store.conversations.list_messages("c", "ada", (0.0, ""), 100)
        assert found == [said(number) for number in range(1, 30)]


async def test_nothing_overtakes_what_waits(opening: Opening, proxy: FaultyProxy) -> None:
    async with opening() as store:
        await proxy.refuse()
        await store.conversations.append_messages("c", "ada", [said(1)])
        await proxy.pass_through()
        durabilities = [
            await store.conversations.append_messages("c", "ada", [said(number)]) for number in range(2, 40)
        ]
        assert durabilities == sorted(durabilities, key=lambda each: each is Durability.COMMITTED)
        await drained(store)
        conversation = await store.conversations.get_conversation("c", "ada")
        assert conversation.message_count == 39
        assert conversation.title == "Message 1"


async def test_a_journalled_example_that_the_store_had_is_told_to_be_none(
    opening: Opening, proxy: FaultyProxy, postgres_url: str
) -> None:
    async with opening() as store:
        await proxy.refuse()
        await store.bank.insert_examples([example(1, id="journalled")])
        async with postgres_store(postgres_url) as elsewhere:
            await elsewhere.bank.insert_examples([example(1)])
        await proxy.pass_through()
        await drained(store)
        told = [(each.example_id, each.example) for each in await store.bank.changes_after(1, 10)]
    assert told == [("journalled", None)]
    assert [each.id for each in await direct(postgres_url)] == ["id-000001"]


async def test_a_message_in_anothers_conversation_is_buried_and_blocks_nothing(
    opening: Opening, proxy: FaultyProxy
) -> None:
    async with opening() as store:
        await store.conversations.append_messages("c", "ada", [said(1)])
        await proxy.refuse()
        await store.conversations.append_messages("c", "bob", [said(2)])
        await store.conversations.append_messages("c", "ada", [said(3)])
        await proxy.pass_through()
        await drained(store)
        found = await store.conversations.list_messages("c", "ada", (0.0, ""), 100)
        assert found == [said(1), said(3)]


async def test_a_user_who_was_deleted_elsewhere_does_not_come_back_from_the_journal(
    opening: Opening, proxy: FaultyProxy, postgres_url: str
) -> None:
    async with opening() as store:
        await proxy.refuse()
        await store.conversations.append_messages("c", "ada", [said(1)])
        await store.bank.insert_examples([example(1, metadata_json='{"user_id": "ada"}')])
        await store.bank.insert_examples([example(2)])
        async with postgres_store(postgres_url) as elsewhere:
            await elsewhere.users.forget("ada", 2e9)
        await proxy.pass_through()
        await drained(store)
        assert await store.conversations.list_conversations("ada", None, 10) == []
        assert [each.example for each in await store.bank.changes_after(0, 10)] == [None, example(2)]
    assert [each.id for each in await direct(postgres_url)] == ["id-000002"]


async def test_a_deleted_user_is_dropped_from_the_journal_of_this_replica(
    opening: Opening, proxy: FaultyProxy, tmp_path: Path
) -> None:
    secret = "a-word-that-nobody-else-says"
    async with opening() as store:
        await store.conversations.append_messages("c", "bob", [said(1)])
        await proxy.refuse()
        message = Message("m", Role.USER, secret, "{}", 1_700_000_000.0)
        await store.conversations.append_messages("c", "ada", [message])
        await proxy.pass_through()
        await drained(store)
        await eventually(lambda: store.users.forget("ada", 2e9), BACK_WITHIN_SECONDS)
    left = await asyncio.to_thread(
        lambda: [path.read_bytes() for path in tmp_path.glob("journal/bank-journal*")]
    )
    assert left
    assert not any(secret.encode() in content for content in left)


async def test_a_deleted_user_is_dropped_from_the_journal_before_their_turn_comes(
    opening: Opening, proxy: FaultyProxy, index: TantivyIndex
) -> None:
    theirs = example(1, response="A secret.", metadata_json='{"user_id": "ada"}')
    async with opening() as store:
        await store.bank.ping()
        await proxy.refuse()
        for number in range(100):
            await store.conversations.append_messages("c", "bob", [said(number)])
        await store.bank.insert_examples([theirs])
        assert await index.list("", "", 10) == [theirs]
        await proxy.pass_through()
        await proxy.delay(0.002)

        async def deleted() -> bool:
            try:
                await store.users.forget("ada", 2e9)
            except StoreUnavailable:
                return False
            return True

        await eventually(deleted, BACK_WITHIN_SECONDS)
        assert await store.journalled() > 0
        # Its replica is told, although the store never had it.
        assert [(each.example_id, each.example) for each in await store.bank.changes_after(0, 10)] == [
            (theirs.id, None)
        ]
        await proxy.pass_through()
        await drained(store)
        assert (await store.bank.counts()).examples == 0
        assert (await store.bank.counts()).messages == 100


async def test_sessions_that_the_server_ended_are_not_met_again(
    postgres_server: PostgresServer, postgres_url: str
) -> None:
    async with postgres_store(postgres_url) as store:
        await asyncio.gather(*(store.bank.head_sequence() for _ in range(6)))
        postgres_server.disconnect_everybody()
        await store.bank.insert_examples([example(1)])


async def test_the_change_feed_goes_on_after_an_outage(
    proxy: FaultyProxy, postgres_server: PostgresServer, postgres_database: str
) -> None:
    database = PostgresDatabase(postgres_server.url(postgres_database, address=proxy.address))
    bank = PostgresBank(database)
    await database.open()
    async with postgres_store(postgres_server.url(postgres_database)) as elsewhere:
        await bank.wait_for_change(0, 0.01)
        await proxy.refuse()
        await bank.wait_for_change(0, 0.01)
        await elsewhere.bank.insert_examples([example(1)])
        await proxy.pass_through()

        async def seen() -> bool:
            await bank.wait_for_change(0, 0.2)
            try:
                return bool(await bank.changes_after(0, 10))
            except StoreUnavailable:
                return False

        assert await eventually(seen, BACK_WITHIN_SECONDS)
    await bank.close()
