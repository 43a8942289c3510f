"""The life of a replica: first start, restart, imports, and its store going away."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mcai.dataset.v1 import bank_pb2
from servicekit import degrade
from servicekit.errors import ConfigurationError, PeerUnavailable, ServiceError, Unavailable, translating
from tests.support.dataset_replica import Replica, dataset_replica, import_requests
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

MEBIBYTE = 2**20
IMPORTED_ROWS = 20_000


def row(number: int) -> bank_pb2.ImportRow:
    words = " ".join(f"word{number * step % 5_003}" for step in range(1, 60))
    return bank_pb2.ImportRow(
        prompt=f"What about {number}, {words[:60]}?", response=words, origin=str(number)
    )


def batches(rows: int) -> Iterator[list[bank_pb2.ImportRow]]:
    for start in range(0, rows, 1_000):
        yield [row(number) for number in range(start, min(start + 1_000, rows))]


def messages(rows: int) -> Iterator[bank_pb2.ImportExamplesRequest]:
    yield from import_requests([], "load")
    for batch in batches(rows):
        yield bank_pb2.ImportExamplesRequest(rows=batch)


async def test_the_starter_bank_is_there_at_the_first_start_and_stays_deleted(tmp_path: Path) -> None:
    async with dataset_replica(tmp_path, load_starter=True) as replica:
        assert replica.server.health.serving
        assert [hit.confidence for hit in await replica.search("what can you do?", limit=1)] == [1.0]
        datasets = (await replica.stub.ListDatasets(bank_pb2.ListDatasetsRequest())).datasets
        assert len(datasets) >= 12
        assert (await replica.stats()).examples >= 300
        for dataset in datasets:
            assert dataset.description
            await replica.stub.DeleteDataset(bank_pb2.DeleteDatasetRequest(domain=dataset.domain, force=True))
    async with dataset_replica(tmp_path, load_starter=True) as replica:
        assert (await replica.stats()).examples == 0


async def test_two_replicas_that_start_at_once_load_one_starter_bank(
    postgres_url: str, tmp_path: Path
) -> None:
    async def start(name: str) -> int:
        settings = {"load_starter": True, "database_url": postgres_url}
        async with dataset_replica(tmp_path / name, **settings) as replica:
            return (await replica.stats()).examples

    first, second = await asyncio.gather(start("one"), start("other"))
    async with dataset_replica(tmp_path / "third", load_starter=True, database_url=postgres_url) as replica:
        assert (await replica.stats()).examples == first == second >= 300


async def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    async with dataset_replica(tmp_path) as replica:
        added = [(await replica.add("a", f"What is {number}?", "It is.")).example for number in range(5)]
        before = await replica.stats()
    async with dataset_replica(tmp_path) as replica:
        page = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest())
        assert list(page.examples) == added
        assert (await replica.stats()).head_sequence == before.head_sequence


@pytest.mark.parametrize("damage", ["gone", "cut"])
async def test_a_lost_index_is_rebuilt_from_the_store(tmp_path: Path, damage: str) -> None:
    async with dataset_replica(tmp_path) as replica:
        added = (await replica.add("a", "What is light?", "A wave.")).example
    spoil(tmp_path / "index", damage)
    async with dataset_replica(tmp_path) as replica:
        assert [hit.example for hit in await replica.search("light")] == [added]


def spoil(directory: Path, damage: str) -> None:
    if damage == "gone":
        shutil.rmtree(directory)
        return
    [path] = directory.glob("replica-1/*/*.store")
    path.write_bytes(path.read_bytes()[:-5])


async def test_a_damaged_database_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bank.db").write_bytes(b"not a database, whatever it was" * 1_000)
    with pytest.raises(ConfigurationError, match=re.escape(str(tmp_path / "bank.db"))):
        async with dataset_replica(tmp_path):
            pytest.fail("it must not start")


async def test_20_000_rows_import_in_bounded_memory_and_a_second_time_as_duplicates(tmp_path: Path) -> None:
    async with dataset_replica(tmp_path) as replica:
        await replica.stub.ImportExamples(messages(2_000))
        memory = psutil.Process().memory_info
        before = memory().rss
        report = await replica.stub.ImportExamples(messages(IMPORTED_ROWS))
        grown = memory().rss - before

        assert (report.read, report.added, report.duplicates) == (IMPORTED_ROWS, IMPORTED_ROWS - 2_000, 2_000)
        assert (await replica.stats()).index_documents == IMPORTED_ROWS
        assert (await replica.search(row(17_321).prompt, limit=1))[0].confidence == 1.0
        # The rows are 12 MB of text; the index writes with 15 MB of heap and is mapped with about 10 MB.
        assert grown < 100 * MEBIBYTE
        again = await replica.stub.ImportExamples(messages(IMPORTED_ROWS))
        assert (again.added, again.duplicates) == (0, IMPORTED_ROWS)


async def degraded_while(replica: Replica, text: str) -> tuple[int, set[str]]:
    """How many hits a search has, and what it was made without."""
    with degrade.collecting() as names:
        hits = await replica.search(text)
    return len(hits), names


async def test_while_postgres_is_away_reads_go_on_and_single_writes_are_journalled(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        url = postgres_server.url(postgres_database, address=proxy.address)
        async with dataset_replica(tmp_path, database_url=url) as replica:
            await replica.stub.CreateDataset(
                bank_pb2.CreateDatasetRequest(domain="optics", description="Of light.")
            )
            await replica.add("optics", "What is light?", "A wave.")
            await replica.stub.ListDatasets(bank_pb2.ListDatasetsRequest())
            assert await degraded_while(replica, "light") == (1, set())
            await proxy.refuse()
            journalled = await replica.add("optics", "What is dark?", "No wave.")
            assert journalled.durability == bank_pb2.DURABILITY_JOURNALLED
            assert len(await replica.search("dark")) == 1

            async def told() -> bool:
                return await degraded_while(replica, "light") == (1, {"postgres"})

            await eventually(told)
            assert replica.server.health.serving
            datasets = (await replica.stub.ListDatasets(bank_pb2.ListDatasetsRequest())).datasets
            assert [(each.domain, each.description, each.example_count) for each in datasets] == [
                ("optics", "Of light.", 2)
            ]
            stats = await replica.stats()
            assert (stats.store, stats.store_available, stats.journalled) == ("postgres", False, 1)
            assert (stats.examples, stats.conversations, stats.head_sequence) == (2, -1, -1)
            with pytest.raises(Unavailable), translating("dataset-svc"):
                await replica.stub.DeleteDataset(bank_pb2.DeleteDatasetRequest(domain="optics", force=True))

            await proxy.pass_through()

            async def whole() -> bool:
                stats = await replica.stats()
                return stats.store_available and stats.journalled == 0 and stats.head_sequence == 2

            await eventually(whole)
            assert len(await replica.search("dark")) == 1


async def test_a_replica_with_an_index_serves_though_postgres_is_away_at_its_start(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        url = postgres_server.url(postgres_database, address=proxy.address)
        async with dataset_replica(tmp_path, database_url=url) as replica:
            await replica.add("optics", "What is light?", "A wave.")
        await proxy.refuse()
        async with dataset_replica(tmp_path, database_url=url) as replica:
            assert replica.server.health.serving
            assert await degraded_while(replica, "light") == (1, {"postgres"})
            await proxy.pass_through()

            async def creates() -> bool:
                try:
                    with translating("dataset-svc"):
                        await replica.stub.CreateDataset(bank_pb2.CreateDatasetRequest(domain="new"))
                except ServiceError:
                    return False
                return True

            assert await eventually(creates)


async def test_a_replica_without_an_index_does_not_serve_before_its_first_snapshot(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        await proxy.refuse()
        url = postgres_server.url(postgres_database, address=proxy.address)
        async with dataset_replica(
            tmp_path, database_url=url, load_starter=True, probe_interval_seconds=0.05
        ) as replica:
            assert not replica.server.health.serving
            with pytest.raises(ServiceError) as refusal, translating("dataset-svc"):
                await replica.search("light")
            assert isinstance(refusal.value, PeerUnavailable)
            await proxy.pass_through()
            await eventually(lambda: replica.server.health.serving)
            assert (await replica.search("what can you do?", limit=1))[0].confidence == 1.0


async def test_an_example_that_another_replica_stored_meanwhile_is_not_found_twice(
    postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> None:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        cut_off = postgres_server.url(postgres_database, address=proxy.address)
        whole = postgres_server.url(postgres_database)
        async with (
            dataset_replica(tmp_path / "one", database_url=cut_off) as one,
            dataset_replica(tmp_path / "other", database_url=whole) as other,
        ):
            await proxy.refuse()
            journalled = (await one.add("optics", "What is light?", "A wave.")).example
            kept = (await other.add("optics", "What is light?", "A wave.")).example
            assert [hit.example.id for hit in await one.search("light")] == [journalled.id]
            await proxy.pass_through()

            async def only_one() -> bool:
                return [hit.example.id for hit in await one.search("light")] == [kept.id]

            await eventually(only_one)


async def test_a_write_reaches_the_other_replica(postgres_url: str, tmp_path: Path) -> None:
    async with (
        dataset_replica(tmp_path / "one", database_url=postgres_url) as one,
        dataset_replica(tmp_path / "other", database_url=postgres_url) as other,
    ):
        await one.add("optics", "What is light?", "A wave.")
        await eventually(lambda: other.search("light"))
