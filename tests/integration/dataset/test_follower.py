import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from dataset_svc.errors import StoreUnavailable
from dataset_svc.follower import Follower
from dataset_svc.index import TantivyIndex
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.ports import Bank
from tests.support.bank_stores import BankStore, example, postgres_store, sqlite_store
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually


async def nothing() -> None:
    return


@asynccontextmanager
async def following(
    bank: Bank, directory: Path, prepare: Callable[[], Awaitable[None]] = nothing
) -> AsyncIterator[tuple[Follower, TantivyIndex]]:
    index = await TantivyIndex.open(directory, heap_bytes=15_000_000)
    metrics = DatasetMetrics(CollectorRegistry())
    follower = Follower(bank, index, metrics, prepare=prepare, clock=time.monotonic)
    task = asyncio.create_task(follower.run())
    try:
        yield follower, index
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await index.close()


async def test_an_empty_index_begins_with_a_snapshot(bank_store: BankStore, tmp_path: Path) -> None:
    await bank_store.bank.insert_examples([example(number) for number in range(2_500)])
    async with following(bank_store.bank, tmp_path) as (follower, index):
        await follower.first_round()
        assert (index.documents, index.sequence) == (2_500, 2_500)
        assert follower.ready
        await follower.check()


async def test_what_another_replica_writes_arrives(bank_store: BankStore, tmp_path: Path) -> None:
    bank = bank_store.bank
    async with following(bank, tmp_path) as (follower, index):
        await follower.first_round()
        await bank.insert_examples([example(1), example(2)])
        await bank.delete_example(example(1).id)
        updated = await bank.update_example(
            example(2).id, prompt="New?", response=None, metadata_json=None, now=2_000_000_000.0
        )
        await follower.catch_up()
        assert await index.list("", "", 10) == [updated.example]


async def test_an_index_goes_on_where_it_stood(bank_store: BankStore, tmp_path: Path) -> None:
    bank = bank_store.bank
    async with following(bank, tmp_path) as (follower, _):
        await follower.first_round()
        await bank.insert_examples([example(1)])
        await follower.catch_up()
    await bank.insert_examples([example(2)])
    async with following(bank, tmp_path) as (follower, index):
        await follower.first_round()
        assert (index.documents, index.sequence) == (2, 2)


async def test_an_index_of_another_bank_is_built_anew(tmp_path: Path) -> None:
    async with (
        sqlite_store(tmp_path / "old.db") as old,
        following(old.bank, tmp_path / "index") as (follower, _),
    ):
        await old.bank.insert_examples([example(number) for number in range(10)])
        await follower.first_round()
        await follower.catch_up()
    async with sqlite_store(tmp_path / "new.db") as new:
        await new.bank.insert_examples([example(99)])
        async with following(new.bank, tmp_path / "index") as (follower, index):
            await follower.first_round()
            assert await index.list("", "", 10) == [example(99)]


async def test_a_burst_is_followed_in_batches(bank_store: BankStore, tmp_path: Path) -> None:
    async with following(bank_store.bank, tmp_path) as (follower, index):
        await follower.first_round()
        for start in range(0, 6_000, 1_000):
            await bank_store.bank.insert_examples([example(start + number) for number in range(1_000)])
        await follower.catch_up()
        assert index.documents == 6_000


async def test_it_waits_until_it_is_prepared_and_tries_again(bank_store: BankStore, tmp_path: Path) -> None:
    tries = 0

    async def prepare() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise StoreUnavailable("Not yet.")
        await bank_store.bank.insert_examples([example(1)])

    async with following(bank_store.bank, tmp_path, prepare) as (follower, index):
        await eventually(lambda: index.documents == 1)
        assert tries == 3
        await eventually(lambda: not follower.behind)


async def test_a_damaged_index_is_built_anew_while_it_runs(bank_store: BankStore, tmp_path: Path) -> None:
    async with following(bank_store.bank, tmp_path) as (follower, index):
        await follower.first_round()
        await index.rest()
        damage(tmp_path)
        await bank_store.bank.insert_examples([example(1)])
        await eventually(lambda: index.documents == 1)
        await follower.catch_up()
        assert index.sequence == 1


def damage(directory: Path) -> None:
    [path] = directory.glob("replica-1/*/meta.json")
    path.write_bytes(b"rubbish")


async def test_reads_go_on_while_the_store_is_away_and_it_catches_up_after(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        url = postgres_server.url(postgres_database, address=proxy.address)
        async with (
            postgres_store(url) as near,
            postgres_store(postgres_server.url(postgres_database)) as other,
            following(near.bank, tmp_path) as (follower, index),
        ):
            await near.bank.insert_examples([example(1)])
            await follower.catch_up()
            await proxy.refuse()
            await eventually(lambda: follower.behind)
            await other.bank.insert_examples([example(2)])
            assert await index.list("", "", 10) == [example(1)]
            assert follower.ready, "what it has may be read"
            await proxy.pass_through()
            await eventually(lambda: index.documents == 2)
            await eventually(lambda: not follower.behind)
