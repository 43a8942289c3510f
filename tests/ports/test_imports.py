"""What every store must do with imports, run against each."""

import asyncio

import pytest

from dataset_svc.errors import ImportGap
from dataset_svc.model import ChangeKind, ChunkOutcome, Example, ImportChunk, ImportProgress, Refusal
from dataset_svc.ports import MAX_REFUSALS
from tests.support.bank_stores import BankStore, Replicas, example

NOW = 1_700_000_500.25


def chunk(first_row: int, *rows: Example | Refusal, request_id: str = "one") -> ImportChunk:
    return ImportChunk(request_id, first_row, rows)


def refusal(number: int) -> Refusal:
    return Refusal(f"faq.jsonl:{number}", "prompt is empty.")


async def stored(store: BankStore) -> list[Example]:
    held = [each async for _, batch in store.bank.snapshot() for each in batch]
    return sorted(held, key=lambda each: each.id)


async def test_an_unknown_import_has_not_begun(bank_store: BankStore) -> None:
    assert await bank_store.imports.progress("one") == ImportProgress()
    assert await bank_store.imports.refusals("one") == []


async def test_a_chunk_is_stored_counted_and_told(bank_store: BankStore) -> None:
    rows = (example(1), refusal(2), example(3, domain="music"), example(1, id="id-again"))
    assert await bank_store.imports.store(chunk(0, *rows), NOW) == ChunkOutcome(2, 1, 1)
    assert await stored(bank_store) == [example(1), example(3, domain="music")]
    assert [(each.domain, each.example_count) for each in await bank_store.bank.list_datasets("", 9)] == [
        ("music", 1),
        ("physics", 1),
    ]
    changes = await bank_store.bank.changes_after(0, 9)
    assert [(each.sequence, each.kind, each.example_id) for each in changes] == [
        (1, ChangeKind.CREATED, "id-000001"),
        (2, ChangeKind.CREATED, "id-000003"),
    ]
    assert await bank_store.imports.progress("one") == ImportProgress(4, 2, 1, 1, False, NOW)
    assert await bank_store.imports.refusals("one") == [refusal(2)]


async def test_what_the_bank_has_already_is_a_duplicate(bank_store: BankStore) -> None:
    await bank_store.bank.insert_examples([example(1), example(2)])
    rows = (example(1, id="id-other"), example(5, id="id-000002"), example(3))
    assert await bank_store.imports.store(chunk(0, *rows), NOW) == ChunkOutcome(1, 2, 0)
    assert await stored(bank_store) == [example(1), example(2), example(3)]
    assert (await bank_store.bank.get_dataset("physics")).example_count == 3
    assert await bank_store.bank.head_sequence() == 3


async def test_rows_that_arrive_again_are_settled_already(bank_store: BankStore) -> None:
    first = chunk(0, example(1), refusal(2), example(3))
    await bank_store.imports.store(first, NOW)
    assert await bank_store.imports.store(first, NOW + 1) == ChunkOutcome()
    # The same rows cut otherwise: only the last one is new.
    overlapping = chunk(1, refusal(2), example(3, id="id-x"), example(4))
    assert await bank_store.imports.store(overlapping, NOW + 2) == ChunkOutcome(1, 0, 0)
    assert await bank_store.imports.progress("one") == ImportProgress(4, 3, 0, 1, False, NOW + 2)
    assert await stored(bank_store) == [example(1), example(3), example(4)]


async def test_a_gap_is_refused(bank_store: BankStore) -> None:
    await bank_store.imports.store(chunk(0, example(1)), NOW)
    with pytest.raises(ImportGap):
        await bank_store.imports.store(chunk(2, example(3)), NOW)
    assert await stored(bank_store) == [example(1)]


async def test_a_failed_chunk_leaves_nothing(bank_store: BankStore) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - each store has its own error for half a character
        await bank_store.imports.store(chunk(0, example(1), example(2, prompt="\ud800")), NOW)
    assert await stored(bank_store) == []
    assert await bank_store.imports.progress("one") == ImportProgress()
    assert await bank_store.imports.store(chunk(0, example(1), example(2)), NOW) == ChunkOutcome(2, 0, 0)


async def test_an_import_without_a_name_keeps_no_position(bank_store: BankStore) -> None:
    for outcome in (ChunkOutcome(1, 0, 1), ChunkOutcome(0, 1, 1)):
        nameless = chunk(0, example(1), refusal(2), request_id="")
        assert await bank_store.imports.store(nameless, NOW) == outcome
    assert await bank_store.imports.progress("") == ImportProgress()


async def test_the_first_refusals_are_kept_in_order(bank_store: BankStore) -> None:
    for first in range(0, MAX_REFUSALS + 200, 600):
        rows = [refusal(number) for number in range(first, first + 600)]
        await bank_store.imports.store(chunk(first, *rows), NOW)
    assert await bank_store.imports.refusals("one") == [refusal(number) for number in range(MAX_REFUSALS)]
    assert (await bank_store.imports.progress("one")).rejected == 1_200


async def test_an_end_is_noted_and_old_imports_are_forgotten(bank_store: BankStore) -> None:
    await bank_store.imports.store(chunk(0, example(1), refusal(2)), NOW)
    await bank_store.imports.finish("one", NOW + 1)
    await bank_store.imports.finish("empty", NOW + 1)
    assert (await bank_store.imports.progress("one")).finished
    assert await bank_store.imports.progress("empty") == ImportProgress(0, 0, 0, 0, True, NOW + 1)
    await bank_store.imports.forget(NOW + 0.5)
    assert await bank_store.imports.progress("one") == ImportProgress()
    assert await bank_store.imports.refusals("one") == []
    assert (await bank_store.imports.progress("empty")).finished


async def test_two_streams_of_one_import_settle_each_row_once(bank_replicas: Replicas) -> None:
    chunks = [
        chunk(first, *(example(number) for number in range(first, first + 5))) for first in range(0, 50, 5)
    ]

    async def stream(store: BankStore) -> int:
        return sum([(await store.imports.store(each, NOW)).added for each in chunks])

    async with bank_replicas() as one, bank_replicas() as other:
        added = await asyncio.gather(stream(one), stream(other))
        assert sum(added) == 50
        assert await one.imports.progress("one") == ImportProgress(50, 50, 0, 0, False, NOW)
        assert await one.bank.head_sequence() == 50
        assert await stored(other) == [example(number) for number in range(50)]
