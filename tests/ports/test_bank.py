"""What every store of the bank must do, run against each."""

from contextlib import aclosing

import pytest

from dataset_svc.errors import (
    DatasetExists,
    DatasetNotEmpty,
    DatasetNotFound,
    ExampleExists,
    ExampleNotFound,
    ResyncRequired,
)
from dataset_svc.model import ChangeKind, Dataset, DatasetEdit, Durability, EditOutcome, Insertion
from dataset_svc.ports import Bank
from servicekit.errors import ServiceError
from tests.support.bank_stores import BankStore, example


@pytest.fixture
def bank(bank_store: BankStore) -> Bank:
    return bank_store.bank


def dataset(domain: str) -> Dataset:
    return Dataset(domain, "What it holds.", 0, 1_700_000_000.123456, 1_700_000_000.123456, 30)


async def test_an_empty_bank_has_nothing_and_answers(bank: Bank) -> None:
    await bank.ping()
    assert await bank.list_datasets("", 10) == []
    assert await bank.head_sequence() == 0
    assert await bank.changes_after(0, 10) == []
    assert [batch async for batch in bank.snapshot()] == [(0, [])]


async def test_a_dataset_comes_back_as_it_was_put_in(bank: Bank) -> None:
    created = await bank.create_dataset(dataset("physics"))
    assert created == dataset("physics")
    assert await bank.get_dataset("physics") == created


async def test_a_dataset_is_created_once(bank: Bank) -> None:
    await bank.create_dataset(dataset("physics"))
    with pytest.raises(DatasetExists):
        await bank.create_dataset(dataset("physics"))


async def test_datasets_are_listed_by_code_point_in_pages(bank: Bank) -> None:
    names = ["Zoo", "apple", "banana", "Éclair", "𝄞 clef"]
    for name in reversed(names):
        await bank.create_dataset(dataset(name))
    first = await bank.list_datasets("", 2)
    rest = await bank.list_datasets(first[-1].domain, 10)
    assert [each.domain for each in first + rest] == sorted(names)


async def test_an_update_changes_what_is_given(bank: Bank) -> None:
    await bank.create_dataset(dataset("physics"))
    updated = await bank.update_dataset("physics", DatasetEdit(retention_days=7), 1_700_000_009.5)
    assert updated.description == "What it holds."
    assert updated.retention_days == 7
    assert updated.update_time == 1_700_000_009.5
    updated = await bank.update_dataset("physics", DatasetEdit(description=""), 1_700_000_010.0)
    assert (updated.description, updated.retention_days) == ("", 7)
    with pytest.raises(DatasetNotFound):
        await bank.update_dataset("unknown", DatasetEdit(description=""), 1.0)


async def test_a_missing_dataset_is_made_by_its_first_example(bank: Bank) -> None:
    outcome = await bank.insert_examples([example(2), example(1)])
    assert outcome.durability is Durability.COMMITTED
    assert outcome.insertions == (
        Insertion("id-000002", duplicate=False),
        Insertion("id-000001", duplicate=False),
    )
    made = await bank.get_dataset("physics")
    assert made.example_count == 2
    assert made.create_time == example(1).create_time


async def test_an_example_comes_back_to_the_letter(bank: Bank) -> None:
    odd = example(
        1,
        prompt='tabs\tand "quotes" \\n \\N',
        response="𝄞 clef, é and e\u0301, \u2028, \r\n",
        metadata_json='{"b":  1, "a": 1e400, "b": 2}',
        create_time=1_700_000_000.1234567,
    )
    await bank.insert_examples([odd])
    assert await bank.get_example(odd.id) == odd


async def test_equal_content_is_stored_once_a_domain(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    again = example(1, id="id-again")
    elsewhere = example(1, id="id-elsewhere", domain="chemistry")
    outcome = await bank.insert_examples([again, elsewhere])
    assert outcome.insertions == (
        Insertion("id-000001", duplicate=True),
        Insertion("id-elsewhere", duplicate=False),
    )
    assert (await bank.get_dataset("physics")).example_count == 1
    with pytest.raises(ExampleNotFound):
        await bank.get_example("id-again")


async def test_duplicates_within_one_batch_name_the_first_of_them(bank: Bank) -> None:
    outcome = await bank.insert_examples([example(1), example(2), example(1, id="b"), example(1, id="c")])
    assert [insertion.id for insertion in outcome.insertions] == [
        "id-000001",
        "id-000002",
        "id-000001",
        "id-000001",
    ]
    assert [insertion.duplicate for insertion in outcome.insertions] == [False, False, True, True]
    assert (await bank.get_dataset("physics")).example_count == 2
    assert await bank.head_sequence() == 2


async def test_an_id_that_is_there_changes_nothing(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    outcome = await bank.insert_examples([example(2, id="id-000001", domain="nowhere")])
    assert outcome.insertions == (Insertion("id-000001", duplicate=True),)
    assert await bank.get_example("id-000001") == example(1)
    with pytest.raises(DatasetNotFound):
        await bank.get_dataset("nowhere")
    assert await bank.head_sequence() == 1


async def test_an_empty_batch_is_nothing(bank: Bank) -> None:
    assert (await bank.insert_examples([])).insertions == ()


async def test_an_update_of_an_example_is_told_in_the_feed(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    outcome = await bank.update_example(
        "id-000001", prompt=None, response="Better.", metadata_json=None, now=1_700_000_099.5
    )
    changed = outcome.example
    assert outcome.durability is Durability.COMMITTED
    assert changed == example(1, response="Better.", update_time=1_700_000_099.5)
    assert await bank.get_example("id-000001") == changed
    [change] = await bank.changes_after(1, 10)
    assert (change.sequence, change.kind, change.example) == (2, ChangeKind.UPDATED, changed)
    # What it said before may be stored again.
    again = await bank.insert_examples([example(1, id="id-000007")])
    assert not again.insertions[0].duplicate


async def test_an_update_that_changes_nothing_is_not_told(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    same = await bank.update_example(
        "id-000001", prompt=example(1).prompt, response=None, metadata_json=None, now=1_700_000_099.5
    )
    assert same == EditOutcome(example(1))
    assert await bank.head_sequence() == 1


async def test_an_update_may_not_equal_another_example(bank: Bank) -> None:
    await bank.insert_examples([example(1), example(2)])
    with pytest.raises(ExampleExists):
        await bank.update_example(
            "id-000002",
            prompt=example(1).prompt,
            response=example(1).response,
            metadata_json=None,
            now=1_700_000_099.5,
        )
    assert await bank.get_example("id-000002") == example(2)
    assert await bank.head_sequence() == 2


async def test_a_deleted_example_is_gone_and_told(bank: Bank) -> None:
    await bank.insert_examples([example(1), example(2)])
    await bank.delete_example("id-000001")
    with pytest.raises(ExampleNotFound):
        await bank.get_example("id-000001")
    with pytest.raises(ExampleNotFound):
        await bank.delete_example("id-000001")
    assert (await bank.get_dataset("physics")).example_count == 1
    changes = await bank.changes_after(0, 10)
    assert [(each.sequence, each.kind.value, each.example_id) for each in changes] == [
        (1, "created", "id-000001"),
        (2, "created", "id-000002"),
        (3, "deleted", "id-000001"),
    ]
    assert [each.example for each in changes] == [None, example(2), None]


async def test_a_dataset_with_examples_is_deleted_only_by_force(bank: Bank) -> None:
    await bank.insert_examples([example(1), example(2), example(3, domain="chemistry")])
    with pytest.raises(DatasetNotEmpty):
        await bank.delete_dataset("physics", force=False)
    assert await bank.delete_dataset("physics", force=True) == 2
    with pytest.raises(DatasetNotFound):
        await bank.get_dataset("physics")
    with pytest.raises(DatasetNotFound):
        await bank.delete_dataset("physics", force=True)
    changes = await bank.changes_after(3, 10)
    assert [each.sequence for each in changes] == [4, 5]
    assert {each.example_id for each in changes} == {"id-000001", "id-000002"}
    assert all(each.kind is ChangeKind.DELETED and each.example is None for each in changes)
    assert await bank.get_example("id-000003") == example(3, domain="chemistry")


async def test_an_empty_dataset_is_deleted_without_force(bank: Bank) -> None:
    await bank.create_dataset(dataset("physics"))
    assert await bank.delete_dataset("physics", force=False) == 0
    assert await bank.head_sequence() == 0


async def test_the_feed_is_read_in_pages(bank: Bank) -> None:
    await bank.insert_examples([example(number) for number in range(5)])
    first = await bank.changes_after(0, 2)
    second = await bank.changes_after(first[-1].sequence, 2)
    third = await bank.changes_after(second[-1].sequence, 2)
    assert [each.sequence for each in first + second + third] == [1, 2, 3, 4, 5]
    assert await bank.changes_after(5, 2) == []


async def test_a_reader_from_another_history_must_start_anew(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    with pytest.raises(ResyncRequired):
        await bank.changes_after(2, 10)


async def test_a_failed_write_leaves_no_gap_in_the_feed(bank: Bank) -> None:
    await bank.insert_examples([example(1)])
    with pytest.raises((ServiceError, UnicodeError)):
        await bank.insert_examples([example(2), example(3, prompt="a lone surrogate: \ud800")])
    await bank.insert_examples([example(4)])
    assert [(each.sequence, each.example_id) for each in await bank.changes_after(0, 10)] == [
        (1, "id-000001"),
        (2, "id-000004"),
    ]


async def test_a_waiter_wakes_at_a_change_and_at_once_when_there_is_one(bank: Bank) -> None:
    await bank.wait_for_change(0, 0.01)
    await bank.insert_examples([example(1)])
    await bank.wait_for_change(0, 60.0)
    assert len(await bank.changes_after(0, 10)) == 1


async def test_a_snapshot_is_one_moment_however_long_it_is_read(bank: Bank) -> None:
    await bank.insert_examples([example(number) for number in range(2_500)])
    seen = []
    sequences = set()
    async with aclosing(bank.snapshot()) as snapshot:  # type: ignore[type-var] # an async generator, as documented
        async for sequence, batch in snapshot:
            sequences.add(sequence)
            seen += batch
            if len(seen) <= 1_000:
                await bank.insert_examples([example(9_999)])
                await bank.delete_example("id-002400")
    assert sequences == {2_500}
    assert sorted(seen, key=lambda each: each.id) == [example(number) for number in range(2_500)]
    assert await bank.head_sequence() == 2_502


async def test_a_snapshot_may_be_left_early(bank: Bank) -> None:
    await bank.insert_examples([example(number) for number in range(1_500)])
    async with aclosing(bank.snapshot()) as snapshot:  # type: ignore[type-var] # an async generator, as documented
        async for _ in snapshot:
            break
    await bank.insert_examples([example(9_999)])


async def test_counts_count(bank: Bank) -> None:
    await bank.insert_examples([example(1), example(2), example(3, domain="chemistry")])
    counts = await bank.counts()
    assert (counts.datasets, counts.examples) == (2, 3)
    assert (counts.conversations, counts.messages, counts.feedback) == (0, 0, 0)
