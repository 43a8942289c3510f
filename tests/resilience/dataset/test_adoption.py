"""A replica dies with writes in its journal; another one on the volume takes them into the store."""

from pathlib import Path

from mcai.dataset.v1 import bank_pb2, conversation_pb2
from tests.support.bank_chaos import BankHouse, KillableReplica, bank_house
from tests.support.bank_stores import postgres_store
from tests.support.waiting import eventually

PATIENCE_SECONDS = 60.0
JOURNALLED = bank_pb2.DURABILITY_JOURNALLED


async def add(replica: KillableReplica, number: int) -> bank_pb2.CreateExampleResponse:
    return await replica.stub.CreateExample(
        bank_pb2.CreateExampleRequest(
            domain="physics", prompt=f"What is {number}?", response=f"It is {number}."
        )
    )


async def write_while_away(replica: KillableReplica, edited: str, deleted: str) -> dict[str, str]:
    """Adds, changes and removes; returns the responses by id that this makes."""
    update = bank_pb2.UpdateExampleRequest(example_id=edited, response="Changed.")
    assert (await replica.stub.UpdateExample(update)).durability == JOURNALLED
    delete = bank_pb2.DeleteExampleRequest(example_id=deleted)
    assert (await replica.stub.DeleteExample(delete)).durability == JOURNALLED
    added = [await add(replica, number) for number in range(10, 30)]
    message = conversation_pb2.Message(id="m", role=conversation_pb2.ROLE_USER, content="Hello")
    await replica.stub.AppendMessages(
        conversation_pb2.AppendMessagesRequest(conversation_id="c", user_id="ada", messages=[message])
    )
    assert {each.durability for each in added} == {JOURNALLED}
    return {each.example.id: each.example.response for each in added} | {edited: "Changed."}


async def away(house: BankHouse) -> None:
    await house.kill_postgres()

    async def noticed() -> bool:
        stats = [await replica.stats() for replica in house.replicas]
        return all(each is not None and not each.store_available for each in stats)

    assert await eventually(noticed, PATIENCE_SECONDS)


async def test_what_a_dead_replica_has_promised_is_kept_by_another(tmp_path: Path) -> None:
    async with bank_house(tmp_path) as house:
        dead, other = house.replicas
        edited, deleted = [(await add(dead, number)).example.id for number in (1, 2)]
        await eventually(other.settled, PATIENCE_SECONDS)
        await away(house)
        expected = await write_while_away(dead, edited, deleted)
        await dead.kill()
        await house.start_postgres()

        async def taken_in() -> bool:
            return {id_: each.response for id_, each in (await other.examples()).items()} == expected

        assert await eventually(taken_in, PATIENCE_SECONDS)
        assert not list((await other.stub.ListConflicts(bank_pb2.ListConflictsRequest())).conflicts)
        async with postgres_store(house.url) as store:
            assert (await store.conversations.get_conversation("c", "ada")).message_count == 1
            # Two that were there, one changed, one removed, twenty that waited: each told once.
            assert await store.bank.head_sequence() == 24

        # The one that died shows the same when it is back, and does nothing a second time.
        await dead.start()
        assert await eventually(dead.settled, PATIENCE_SECONDS)
        assert await dead.examples() == await other.examples()
        async with postgres_store(house.url) as store:
            assert await store.bank.head_sequence() == 24


async def test_a_replica_that_starts_again_shows_what_it_had_promised_before_the_store_is_back(
    tmp_path: Path,
) -> None:
    async with bank_house(tmp_path, replicas=1) as house:
        [replica] = house.replicas
        edited, deleted = [(await add(replica, number)).example.id for number in (1, 2)]
        await away(house)
        expected = await write_while_away(replica, edited, deleted)
        await replica.kill()
        await replica.start()
        assert {id_: each.response for id_, each in (await replica.examples()).items()} == expected
        stats = await replica.stats()
        assert stats is not None
        assert stats.journalled == 23
        await house.start_postgres()
        assert await eventually(replica.settled, PATIENCE_SECONDS)
        assert {id_: each.response for id_, each in (await replica.examples()).items()} == expected
