"""Journalled writes on their way into PostgreSQL: each once, and none dropped in silence."""

import asyncio
import json
from collections.abc import AsyncIterator

import psycopg
import pytest

from dataset_svc.conflicts import Appended, Conflict, Deletion, Edit, Write
from dataset_svc.errors import ConversationNotFound, ExampleNotFound
from dataset_svc.model import ChangeKind, Example, Message, Role
from tests.support.bank_stores import BankStore, Journalled, example, postgres_journalled, postgres_store

MADE_AT = 1_700_000_100.0
NOW = 1_700_001_000.0
FUTURE = 4e9


@pytest.fixture
async def store(postgres_url: str) -> AsyncIterator[BankStore]:
    async with postgres_store(postgres_url) as store:
        yield store


@pytest.fixture
async def journalled(postgres_url: str) -> AsyncIterator[Journalled]:
    async with postgres_journalled(postgres_url) as journalled:
        yield journalled


def edit_of(base: Example, response: str, time: float = MADE_AT, metadata_json: str | None = None) -> Edit:
    return Edit(base.edited(None, response, metadata_json, time), base.update_time, None)


def deletion_of(base: Example, time: float = MADE_AT) -> Deletion:
    return Deletion(base.id, base.domain, base.update_time, time)


def said(number: int) -> Message:
    return Message(f"m-{number}", Role.USER, f"Message {number}", "{}", 1_700_000_000.0 + number)


async def conflicts(journalled: Journalled) -> list[Conflict]:
    return await journalled.conflicts.list(0, 100)


async def test_an_edit_and_a_deletion_of_what_is_there_meet_nothing(
    store: BankStore, journalled: Journalled
) -> None:
    await store.bank.insert_examples([example(1), example(2)])
    edit = edit_of(example(1), "Better.")
    await journalled.replays.apply("e1", edit, NOW)
    await journalled.replays.apply("d2", deletion_of(example(2)), NOW)
    assert await store.bank.get_example("id-000001") == edit.example
    with pytest.raises(ExampleNotFound):
        await store.bank.get_example("id-000002")
    told = [(each.kind, each.example_id) for each in await store.bank.changes_after(2, 10)]
    assert told == [(ChangeKind.UPDATED, "id-000001"), (ChangeKind.DELETED, "id-000002")]
    assert (await store.bank.get_dataset("physics")).example_count == 1
    assert await conflicts(journalled) == []


@pytest.mark.parametrize(
    "write",
    [
        example(1),
        edit_of(example(2), "Better."),
        deletion_of(example(2)),
        Appended("c", "ada", (said(1),)),
    ],
)
async def test_an_entry_is_applied_once_whatever_happened_since(
    store: BankStore, journalled: Journalled, write: Write
) -> None:
    await store.bank.insert_examples([example(2)])
    await journalled.replays.apply("entry", write, NOW)
    # What a second application would undo, or bring back, or count as a conflict.
    if isinstance(write, Example):
        await store.bank.delete_example(write.id)
    elif isinstance(write, Edit):
        await store.bank.update_example(
            write.example.id, prompt="Later.", response=None, metadata_json=None, now=NOW
        )
    elif isinstance(write, Deletion):
        await store.bank.insert_examples([example(2)])
    else:
        await store.conversations.delete_conversation("c", "ada")
    head = await store.bank.head_sequence()
    counts = await store.bank.counts()

    await asyncio.gather(*(journalled.replays.apply("entry", write, NOW + 1) for _ in range(4)))

    assert await store.bank.head_sequence() == head
    assert await store.bank.counts() == counts
    assert await conflicts(journalled) == []


async def test_replicas_that_replay_the_same_entry_at_once_apply_it_once(
    store: BankStore, journalled: Journalled, postgres_url: str
) -> None:
    await store.bank.insert_examples([example(1)])
    edits = [edit_of(example(1), "One.")]
    edits.append(edit_of(edits[0].example, "Two.", MADE_AT + 1))
    async with postgres_journalled(postgres_url) as other:

        async def replay(replica: Journalled) -> None:
            for number, edit in enumerate(edits):
                await replica.replays.apply(f"e{number}", edit, NOW)

        await asyncio.gather(*(replay(replica) for replica in (journalled, other) * 3))
    assert await store.bank.get_example("id-000001") == edits[1].example
    assert await store.bank.head_sequence() == 3
    assert await conflicts(journalled) == []


@pytest.mark.parametrize("later", [True, False])
async def test_the_later_of_two_edits_is_kept_and_the_other_listed(
    store: BankStore, journalled: Journalled, later: bool
) -> None:
    await store.bank.insert_examples([example(1)])
    theirs = (
        await store.bank.update_example(
            "id-000001", prompt="Theirs?", response=None, metadata_json=None, now=MADE_AT
        )
    ).example
    mine = edit_of(example(1), "Mine.", MADE_AT + (1 if later else -1))
    await journalled.replays.apply("e", mine, NOW)
    kept, lost = (mine.example, theirs) if later else (theirs, mine.example)
    assert await store.bank.get_example("id-000001") == kept
    [conflict] = await conflicts(journalled)
    assert conflict == Conflict(
        conflict.sequence, "id-000001", "physics", later, conflict.lost_json, lost.update_time, NOW
    )
    written = json.loads(conflict.lost_json)
    assert (written["prompt"], written["response"]) == (lost.prompt, lost.response)
    assert written["metadata"] == {"number": 1}
    # Whoever showed the other one early is told, even though the store has not changed.
    assert [each.example for each in await store.bank.changes_after(2, 10)] == [kept]


@pytest.mark.parametrize("later", [True, False])
@pytest.mark.parametrize("archived", [True, False])
async def test_an_edit_that_is_later_than_a_removal_brings_the_example_back(
    store: BankStore, journalled: Journalled, later: bool, archived: bool
) -> None:
    await store.bank.insert_examples([example(1)])
    if archived:
        await store.archive.archive(["id-000001"], "", "", 10, NOW)
    else:
        await store.bank.delete_example("id-000001")
    mine = edit_of(example(1), "Mine.", FUTURE if later else MADE_AT)
    await journalled.replays.apply("e", mine, NOW)
    held = [each async for _, batch in store.bank.snapshot() for each in batch]
    assert held == ([mine.example] if later else [])
    dataset = await store.bank.get_dataset("physics")
    assert (dataset.example_count, dataset.archived_count) == (int(later), int(archived and not later))
    [conflict] = await conflicts(journalled)
    assert conflict.journalled_kept is later
    assert (json.loads(conflict.lost_json) is None) is later


@pytest.mark.parametrize("later", [True, False])
async def test_of_a_deletion_and_an_edit_the_later_is_kept(
    store: BankStore, journalled: Journalled, later: bool
) -> None:
    await store.bank.insert_examples([example(1)])
    await store.bank.update_example(
        "id-000001", prompt="Theirs?", response=None, metadata_json=None, now=MADE_AT
    )
    await journalled.replays.apply("d", deletion_of(example(1), MADE_AT + (1 if later else -1)), NOW)
    assert (await store.bank.counts()).examples == int(not later)
    [conflict] = await conflicts(journalled)
    assert conflict.journalled_kept is later
    assert (json.loads(conflict.lost_json) is None) is not later


async def test_an_edit_to_what_another_example_says_by_now_is_given_up_and_listed(
    store: BankStore, journalled: Journalled
) -> None:
    await store.bank.insert_examples([example(1), example(2)])
    mine = Edit(
        example(1).edited(example(2).prompt, example(2).response, None, MADE_AT), example(1).update_time, None
    )
    await journalled.replays.apply("e", mine, NOW)
    assert await store.bank.get_example("id-000001") == example(1)
    [conflict] = await conflicts(journalled)
    assert not conflict.journalled_kept
    assert [each.example for each in await store.bank.changes_after(2, 10)] == [example(1)]


async def test_an_edit_of_a_creation_that_had_an_equal_is_an_example_of_its_own(
    store: BankStore, journalled: Journalled
) -> None:
    await store.bank.insert_examples([example(1)])
    new = example(1, id="journalled")
    await journalled.replays.apply("c", new, NOW)
    edit = edit_of(new, "Better.")
    await journalled.replays.apply("e", edit, NOW)
    held = {each.id: each async for _, batch in store.bank.snapshot() for each in batch}
    assert held == {"id-000001": example(1), "journalled": edit.example}
    assert await conflicts(journalled) == []


async def test_a_refused_write_is_not_noted(store: BankStore, journalled: Journalled) -> None:
    await store.conversations.append_messages("c", "bob", [said(1)])
    for _ in range(2):
        with pytest.raises(ConversationNotFound):
            await journalled.replays.apply("m", Appended("c", "ada", (said(2),)), NOW)
    await store.conversations.delete_conversation("c", "bob")
    await journalled.replays.apply("m", Appended("c", "ada", (said(2),)), NOW)
    assert (await store.conversations.get_conversation("c", "ada")).message_count == 1


ADAS = '{"user_id": "ada"}'


@pytest.mark.parametrize("named", ["before", "after"])
async def test_what_a_forgotten_user_wrote_does_not_come_back_as_an_edit(
    store: BankStore, journalled: Journalled, named: str
) -> None:
    if named == "before":
        base = example(1, metadata_json=ADAS)
        # It is later than the deletion, but made on a state that was deleted.
        mine = Edit(base.edited(None, "Secret.", "{}", FUTURE), base.update_time, "ada")
    else:
        base = example(1)
        mine = edit_of(base, "Secret.", MADE_AT, ADAS)
    await store.bank.insert_examples([base])
    await store.users.forget("ada", MADE_AT + 1)
    await journalled.replays.apply("e", mine, NOW)
    held = [each async for _, batch in store.bank.snapshot() for each in batch]
    assert held == ([] if named == "before" else [base])
    assert await conflicts(journalled) == []


async def test_forgetting_a_user_removes_what_conflicts_hold_of_them(
    store: BankStore, journalled: Journalled, postgres_url: str
) -> None:
    await store.bank.insert_examples([example(1), example(2)])
    for number, user in ((1, "ada"), (2, "bob")):
        base = example(number)
        await store.bank.update_example(
            base.id, prompt="Theirs?", response=None, metadata_json=None, now=MADE_AT
        )
        lost = edit_of(base, f"A secret of {user}.", MADE_AT - 1, json.dumps({"user_id": user}))
        await journalled.replays.apply(f"e{number}", lost, NOW)
    assert [each.example_id for each in await journalled.conflicts.list(0, 10, "ada")] == ["id-000001"]
    await store.users.forget("ada", NOW)
    assert [each.example_id for each in await conflicts(journalled)] == ["id-000002"]
    assert await journalled.conflicts.list(0, 10, "ada") == []
    async with await psycopg.AsyncConnection.connect(postgres_url) as connection:
        cursor = await connection.execute("SELECT count(*) FROM conflicts WHERE lost_json LIKE '%of ada%'")
        assert await cursor.fetchone() == (0,)


async def test_conflicts_are_listed_by_pages(store: BankStore, journalled: Journalled) -> None:
    await store.bank.insert_examples([example(number) for number in range(5)])
    for number in range(5):
        base = example(number, update_time=1.0)
        await journalled.replays.apply(f"e{number}", edit_of(base, "Mine."), NOW + number)
    first = await journalled.conflicts.list(0, 3)
    rest = await journalled.conflicts.list(first[-1].sequence, 3)
    assert [each.example_id for each in first + rest] == [f"id-{number:06}" for number in range(5)]


async def test_a_message_on_its_way_does_not_outlive_its_user(store: BankStore) -> None:
    """A deletion waits for the appends that began before it, and then sees what they wrote."""
    for round_ in range(20):
        at = 1_700_000_000.0 + round_
        appends = [
            store.conversations.append_messages(
                f"c-{round_}-{number}",
                "ada",
                [Message(f"m-{round_}-{number}", Role.USER, "Hello", "{}", at)],
            )
            for number in range(6)
        ]
        await asyncio.gather(*appends[:3], store.users.forget("ada", at), *appends[3:])
        assert (await store.bank.counts()).messages == 0
        assert (await store.bank.counts()).conversations == 0
