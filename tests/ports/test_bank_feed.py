"""The change feed under writers that race, on replicas that share one database."""

import asyncio
import time
from contextlib import AsyncExitStack

from dataset_svc.model import Change, ChangeKind
from dataset_svc.ports import Bank
from tests.support.bank_stores import Replicas, example
from tests.support.waiting import eventually

WRITERS = 8
ROUNDS = 12


async def write(bank: Bank, writer: int) -> int:
    """Inserts, updates and deletes; returns how many changes that makes."""
    for round_ in range(ROUNDS):
        number = writer * 1_000 + round_ * 10
        await bank.insert_examples([example(number + offset) for offset in range(3)])
        await bank.update_example(
            f"id-{number:06}", prompt=f"Changed by {writer}.", response=None, metadata_json=None, now=2e9
        )
        await bank.delete_example(f"id-{number + 1:06}")
        # All writers fight over one content, which is stored once.
        await bank.insert_examples([example(500_000 + round_, id=f"shared-{writer}-{round_}")])
    return 5 * ROUNDS


async def follow(bank: Bank, expected: int) -> list[Change]:
    seen: list[Change] = []
    while len(seen) < expected:
        after = seen[-1].sequence if seen else 0
        changes = await bank.changes_after(after, 7)
        seen += changes
        if not changes:
            await bank.wait_for_change(after, 5.0)
    return seen


async def test_a_reader_sees_each_change_of_racing_writers_once_and_in_order(bank_replicas: Replicas) -> None:
    async with AsyncExitStack() as stack:
        replicas = [(await stack.enter_async_context(bank_replicas())).bank for _ in range(3)]
        expected = WRITERS * 5 * ROUNDS + ROUNDS
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            reader = group.create_task(follow(replicas[0], expected))
            for writer in range(WRITERS):
                group.create_task(write(replicas[1 + writer % 2], writer))
        seen = reader.result()
        assert [change.sequence for change in seen] == list(range(1, expected + 1))
        created = [change.example_id for change in seen if change.kind is ChangeKind.CREATED]
        assert len(created) == len(set(created)) == WRITERS * 3 * ROUNDS + ROUNDS
        assert await replicas[0].head_sequence() == expected
        counts = await replicas[0].counts()
        assert counts.examples == WRITERS * 2 * ROUNDS + ROUNDS


async def test_another_replica_is_woken_by_a_change(bank_replicas: Replicas) -> None:
    async with bank_replicas() as mine, bank_replicas() as other:

        async def waits_long_enough_to_be_listening() -> bool:
            begun = time.monotonic()
            await mine.bank.wait_for_change(0, 0.05)
            return time.monotonic() - begun >= 0.05

        assert await eventually(waits_long_enough_to_be_listening)
        await other.bank.insert_examples([example(1)])
        await eventually(lambda: mine.bank.changes_after(0, 10), timeout_seconds=5.0)


async def test_writers_of_the_same_batch_store_it_once(bank_replicas: Replicas) -> None:
    async with bank_replicas() as one, bank_replicas() as two:
        batches = [[example(number, id=f"{writer}-{number}") for number in range(50)] for writer in range(6)]
        outcomes = await asyncio.gather(
            *((one if i % 2 else two).bank.insert_examples(batch) for i, batch in enumerate(batches))
        )
        winners = [outcome for outcome in outcomes if not outcome.insertions[0].duplicate]
        assert len(winners) == 1
        ids = {tuple(insertion.id for insertion in outcome.insertions) for outcome in outcomes}
        assert len(ids) == 1
        assert (await one.bank.get_dataset("physics")).example_count == 50


async def test_two_stores_that_start_at_once_migrate_once(bank_replicas: Replicas) -> None:
    async with AsyncExitStack() as stack:
        stores = await asyncio.gather(*(stack.enter_async_context(bank_replicas()) for _ in range(4)))
        await asyncio.gather(*(store.bank.ping() for store in stores))
