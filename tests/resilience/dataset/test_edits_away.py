"""Examples are edited and deleted while PostgreSQL is away: shown at once, kept, taken in when it is back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from mcai.dataset.v1 import bank_pb2, conversation_pb2
from servicekit.errors import NotFound, translating
from tests.support.bank_stores import BankStore, example, postgres_store
from tests.support.dataset_replica import Replica, dataset_replica
from tests.support.postgres_server import PostgresServer
from tests.support.proxy import FaultyProxy
from tests.support.waiting import eventually

BACK_WITHIN_SECONDS = 15.0
JOURNALLED, COMMITTED = bank_pb2.DURABILITY_JOURNALLED, bank_pb2.DURABILITY_COMMITTED


@pytest.fixture
async def proxy(postgres_server: PostgresServer) -> AsyncIterator[FaultyProxy]:
    async with FaultyProxy(postgres_server.socket_path) as proxy:
        yield proxy


@pytest.fixture
async def replica(
    proxy: FaultyProxy, postgres_server: PostgresServer, postgres_database: str, tmp_path: Path
) -> AsyncIterator[Replica]:
    """A replica whose way to PostgreSQL is the proxy."""
    url = postgres_server.url(postgres_database, address=proxy.address)
    async with dataset_replica(tmp_path, database_url=url) as replica:
        yield replica


@pytest.fixture
async def elsewhere(postgres_url: str) -> AsyncIterator[BankStore]:
    """The store as another replica reaches it, past the proxy."""
    async with postgres_store(postgres_url) as store:
        yield store


async def edit(replica: Replica, example_id: str, **fields: Any) -> bank_pb2.UpdateExampleResponse:
    return await replica.stub.UpdateExample(bank_pb2.UpdateExampleRequest(example_id=example_id, **fields))


async def delete(replica: Replica, example_id: str) -> bank_pb2.DeleteExampleResponse:
    return await replica.stub.DeleteExample(bank_pb2.DeleteExampleRequest(example_id=example_id))


async def conflicts(replica: Replica) -> list[bank_pb2.Conflict]:
    return list((await replica.stub.ListConflicts(bank_pb2.ListConflictsRequest())).conflicts)


async def shown(replica: Replica) -> dict[str, str]:
    """The responses that the replica's index shows, by id."""
    page = await replica.stub.ListExamples(bank_pb2.ListExamplesRequest())
    return {each.id: each.response for each in page.examples}


def files_with(directory: Path, secret: str) -> list[Path]:
    """The files that hold a text; there must be files."""
    files = [path for path in directory.rglob("*") if path.is_file()]
    assert files
    return [path for path in files if secret.encode() in path.read_bytes()]


async def back(replica: Replica, proxy: FaultyProxy) -> None:
    """PostgreSQL is back, and all that waited is in it and followed."""
    await proxy.pass_through()

    async def settled() -> bool:
        stats = await replica.stats()
        return stats.store_available and not stats.journalled and stats.index_sequence == stats.head_sequence

    await eventually(settled, BACK_WITHIN_SECONDS)


async def test_what_is_done_to_examples_is_shown_at_once_and_kept(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore
) -> None:
    old = (await replica.add("physics", "What is light?", "A wave.")).example.id
    gone = (await replica.add("physics", "What is ether?", "Nothing.")).example.id
    await proxy.refuse()
    new = await replica.add("physics", "What is mass?", "Inertia.")
    edited = await edit(replica, old, response="A photon.")
    # Both are made on what waits itself.
    again = await edit(replica, new.example.id, response="Energy at rest.")
    twice = await edit(replica, old, prompt="What is light made of?")
    assert {each.durability for each in (new, edited, again, twice)} == {JOURNALLED}
    assert (await delete(replica, gone)).durability == JOURNALLED

    assert [hit.example for hit in await replica.search("photon")] == [twice.example]
    assert [hit.example for hit in await replica.search("energy rest")] == [again.example]
    assert await replica.search("ether") == []
    with pytest.raises(NotFound), translating("dataset-svc"):
        await edit(replica, gone, response="Too late.")
    assert (await replica.stats()).journalled == 5

    await back(replica, proxy)
    held = {each.id: each async for _, batch in elsewhere.bank.snapshot() for each in batch}
    assert {id_: each.response for id_, each in held.items()} == await shown(replica)
    assert held[old].prompt == "What is light made of?"
    assert held[old].response == "A photon."
    assert held[new.example.id].response == "Energy at rest."
    assert gone not in held
    assert await conflicts(replica) == []
    assert (await edit(replica, old, response="Both.")).durability == COMMITTED


@pytest.mark.parametrize("theirs_is_later", [True, False])
async def test_of_two_edits_the_later_is_shown_everywhere_and_the_other_listed(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore, theirs_is_later: bool
) -> None:
    example_id = (await replica.add("physics", "What is light?", "A wave.")).example.id
    await proxy.refuse()
    mine = (await edit(replica, example_id, response="Mine.")).example
    at = mine.update_time.ToDatetime().timestamp() + (60 if theirs_is_later else -0.001)
    await elsewhere.bank.update_example(
        example_id, prompt=None, response="Theirs.", metadata_json=None, now=at
    )
    assert await shown(replica) == {example_id: "Mine."}

    await back(replica, proxy)
    kept, lost = ("Theirs.", "Mine.") if theirs_is_later else ("Mine.", "Theirs.")
    assert await shown(replica) == {example_id: kept}
    assert (await elsewhere.bank.get_example(example_id)).response == kept
    [conflict] = await conflicts(replica)
    assert conflict.journalled_kept is not theirs_is_later
    assert json.loads(conflict.lost_json)["response"] == lost


async def test_a_deletion_that_is_earlier_than_an_edit_gives_way_and_the_example_is_shown_again(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore
) -> None:
    example_id = (await replica.add("physics", "What is light?", "A wave.")).example.id
    await proxy.refuse()
    await delete(replica, example_id)
    assert await shown(replica) == {}
    await elsewhere.bank.update_example(
        example_id, prompt=None, response="Theirs.", metadata_json=None, now=4e9
    )
    await back(replica, proxy)
    assert await shown(replica) == {example_id: "Theirs."}
    [conflict] = await conflicts(replica)
    assert (conflict.journalled_kept, conflict.lost_json) == (False, "null")


async def test_an_edit_to_what_another_example_says_by_now_gives_way(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore
) -> None:
    one = (await replica.add("physics", "What is light?", "A wave.")).example.id
    two = (await replica.add("physics", "What is light?", "A particle.")).example.id
    await proxy.refuse()
    await edit(replica, one, response="Both.")
    await elsewhere.bank.update_example(two, prompt=None, response="Both.", metadata_json=None, now=4e9)
    await back(replica, proxy)
    assert await shown(replica) == {one: "A wave.", two: "Both."}
    [conflict] = await conflicts(replica)
    assert (conflict.example_id, conflict.journalled_kept) == (one, False)


async def test_a_creation_that_the_store_had_is_not_shown_twice(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore
) -> None:
    await proxy.refuse()
    mine = (await replica.add("physics", "What is light?", "A wave.")).example.id
    theirs = example(1, domain="physics", prompt="What is light?", response="A wave.")
    await elsewhere.bank.insert_examples([theirs])
    assert await shown(replica) == {mine: "A wave."}
    await back(replica, proxy)
    assert await shown(replica) == {theirs.id: "A wave."}


async def test_a_repeated_creation_is_the_same_example_on_every_replica(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore
) -> None:
    request = bank_pb2.CreateExampleRequest(
        domain="physics", prompt="What is light?", response="A wave.", request_id="once"
    )
    await proxy.refuse()
    first = await replica.stub.CreateExample(request)
    again = await replica.stub.CreateExample(request)
    assert (first.durability, first.duplicate) == (JOURNALLED, False)
    assert (again.durability, again.duplicate, again.example) == (JOURNALLED, True, first.example)
    assert (await replica.stats()).journalled == 1
    # Its caller has not heard of it, repeats the call elsewhere and goes on from there.
    theirs = example(1, id=first.example.id, domain="physics", prompt="What is light?", response="A wave.")
    await elsewhere.bank.insert_examples([theirs])
    await elsewhere.bank.update_example(
        theirs.id, prompt=None, response="A photon.", metadata_json=None, now=4e9
    )
    await back(replica, proxy)
    assert await shown(replica) == {theirs.id: "A photon."}
    held = [each async for _, batch in elsewhere.bank.snapshot() for each in batch]
    assert [(each.id, each.response) for each in held] == [(theirs.id, "A photon.")]


async def test_a_user_who_is_deleted_leaves_nothing_that_waited(
    replica: Replica, proxy: FaultyProxy, elsewhere: BankStore, tmp_path: Path
) -> None:
    secret = "zzyzx"
    base = (await replica.add("physics", "What is light?", "A wave.")).example.id
    await proxy.refuse()
    await replica.stub.CreateExample(
        bank_pb2.CreateExampleRequest(
            domain="physics", prompt="Who am I?", response=secret, metadata_json='{"user_id": "ada"}'
        )
    )
    await edit(replica, base, response=f"It is {secret}.", metadata_json='{"user_id": "ada"}')
    await elsewhere.bank.update_example(base, prompt="Theirs?", response=None, metadata_json=None, now=4e9)
    await back(replica, proxy)
    records = [
        json.loads(each.record_json)
        async for each in replica.stub.ExportUser(conversation_pb2.ExportUserRequest(user_id="ada"))
    ]
    assert sorted(record["type"] for record in records) == ["conflict", "example"]

    await replica.stub.DeleteUser(conversation_pb2.DeleteUserRequest(user_id="ada"))
    assert await shown(replica) == {base: "A wave."}
    assert await conflicts(replica) == []
    assert await replica.search(secret) == []
    assert not await asyncio.to_thread(files_with, tmp_path / "journal", secret)
