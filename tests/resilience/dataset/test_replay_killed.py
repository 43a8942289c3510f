"""kill -9 in the middle of a replay: what was acknowledged is in the store afterwards, exactly once."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from prometheus_client import CollectorRegistry

from dataset_svc.model import Durability, Message, Role
from dataset_svc.settings import DatasetSettings
from dataset_svc.stores import Store, open_store
from servicekit.settings import load
from tests.support.bank_stores import BankStore, example, postgres_store
from tests.support.local_index import local_index
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

WRITES = 60


@asynccontextmanager
async def opened(url: str, directory: Path) -> AsyncIterator[Store]:
    settings = load(DatasetSettings, data_dir=directory, database_url=url)
    async with (
        local_index(directory / "index") as index,
        open_store(settings, CollectorRegistry(), index) as store,
    ):
        yield store


@asynccontextmanager
async def child(url: str, directory: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.bank_process",
        url,
        str(directory),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def stored(bank: BankStore) -> int:
    return (await bank.bank.counts()).examples


async def test_a_replay_that_is_killed_twice_is_completed_exactly_once(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    direct_url = postgres_server.url(postgres_database)
    async with FaultyProxy(postgres_server.socket_path) as proxy, postgres_store(direct_url) as direct:
        url = postgres_server.url(postgres_database, address=proxy.address)
        await proxy.refuse()
        async with opened(url, tmp_path) as store:
            for number in range(WRITES):
                outcome = await store.bank.insert_examples([example(number)])
                assert outcome.durability is Durability.JOURNALLED
                message = Message(f"m-{number:03}", Role.USER, "Hello", "{}", 1_700_000_000.0 + number)
                await store.conversations.append_messages("c", "ada", [message])
        assert await stored(direct) == 0

        # Slow enough to be met in the middle: some 20 ms a write, by ten round trips of two ways each.
        await proxy.delay(0.001)
        for goal in (WRITES // 4, WRITES // 2):

            async def reached(goal: int = goal) -> bool:
                return await stored(direct) >= goal

            async with child(url, tmp_path) as process:
                assert await eventually(reached, 60)
                process.kill()
                await process.wait()
            assert await stored(direct) < WRITES

        await proxy.pass_through()
        async with opened(url, tmp_path) as store:
            assert await store.journalled() > 0

            async def drained() -> bool:
                return await store.journalled() == 0

            await eventually(drained, 30)
        examples = [each async for _, batch in direct.bank.snapshot() for each in batch]
        assert sorted(each.id for each in examples) == [example(number).id for number in range(WRITES)]
        assert (await direct.bank.get_dataset("physics")).example_count == WRITES
        assert await direct.bank.head_sequence() == WRITES
        created = [change.example_id for change in await direct.bank.changes_after(0, 1_000)]
        assert created == [example(number).id for number in range(WRITES)]
        assert (await direct.conversations.get_conversation("c", "ada")).message_count == WRITES
