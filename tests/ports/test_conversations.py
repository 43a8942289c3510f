"""What every store of conversations must do, run against each."""

import asyncio
import dataclasses

import pytest

from dataset_svc.errors import ConversationNotFound
from dataset_svc.model import TITLE_CHARACTERS, Conversation, Durability, Feedback, Message, Rating, Role
from dataset_svc.ports import Bank, Conversations
from tests.support.bank_stores import BankStore


@pytest.fixture
def conversations(bank_store: BankStore) -> Conversations:
    return bank_store.conversations


@pytest.fixture
def bank(bank_store: BankStore) -> Bank:
    return bank_store.bank


def message(number: int, content: str = "Hello", role: Role = Role.USER) -> Message:
    return Message(f"m-{number:04}", role, content, '{"n": 1}', 1_700_000_000.5 + number)


async def all_messages(conversations: Conversations, conversation_id: str, user_id: str) -> list[Message]:
    return await conversations.list_messages(conversation_id, user_id, (0.0, ""), 1_000)


async def test_the_first_message_makes_the_conversation(conversations: Conversations) -> None:
    said = [message(1, "What  is\n a wave?"), message(2, "A wave is …", Role.ASSISTANT)]
    assert await conversations.append_messages("c", "ada", said) is Durability.COMMITTED
    assert await conversations.get_conversation("c", "ada") == Conversation(
        "c", "ada", "What is a wave?", 2, said[0].create_time, said[1].create_time
    )
    assert await all_messages(conversations, "c", "ada") == said


async def test_a_long_title_is_cut(conversations: Conversations) -> None:
    await conversations.append_messages("c", "ada", [message(1, "word " * 100)])
    title = (await conversations.get_conversation("c", "ada")).title
    assert len(title) <= TITLE_CHARACTERS
    assert title.endswith("…")


async def test_a_repeated_message_is_stored_once(conversations: Conversations) -> None:
    await conversations.append_messages("c", "ada", [message(1), message(2)])
    await conversations.append_messages("c", "ada", [message(2), message(3)])
    await conversations.append_messages("c", "ada", [message(1)])
    assert [each.id for each in await all_messages(conversations, "c", "ada")] == [
        "m-0001",
        "m-0002",
        "m-0003",
    ]
    assert (await conversations.get_conversation("c", "ada")).message_count == 3


async def test_messages_are_ordered_by_their_time_whatever_order_they_came_in(
    conversations: Conversations,
) -> None:
    for number in (3, 1, 2):
        await conversations.append_messages("c", "ada", [message(number)])
    assert [each.id for each in await all_messages(conversations, "c", "ada")] == [
        "m-0001",
        "m-0002",
        "m-0003",
    ]
    assert (await conversations.get_conversation("c", "ada")).update_time == message(3).create_time


async def test_messages_are_read_in_pages(conversations: Conversations) -> None:
    at_one_time = [dataclasses.replace(message(number), create_time=1_700_000_000.5) for number in range(5)]
    await conversations.append_messages("c", "ada", at_one_time)
    pages: list[Message] = []
    after = (0.0, "")
    while page := await conversations.list_messages("c", "ada", after, 2):
        pages += page
        after = (page[-1].create_time, page[-1].id)
    assert pages == at_one_time


async def test_another_users_conversation_is_not_found(conversations: Conversations) -> None:
    await conversations.append_messages("c", "ada", [message(1)])
    with pytest.raises(ConversationNotFound):
        await conversations.append_messages("c", "bob", [message(2)])
    with pytest.raises(ConversationNotFound):
        await conversations.get_conversation("c", "bob")
    with pytest.raises(ConversationNotFound):
        await all_messages(conversations, "c", "bob")
    with pytest.raises(ConversationNotFound):
        await conversations.delete_conversation("c", "bob")
    assert [each.id for each in await all_messages(conversations, "c", "ada")] == ["m-0001"]


async def test_nothing_is_kept_of_an_unknown_conversation(conversations: Conversations) -> None:
    assert await conversations.append_messages("c", "ada", []) is Durability.COMMITTED
    with pytest.raises(ConversationNotFound):
        await conversations.get_conversation("c", "ada")


async def test_conversations_are_listed_by_last_use_in_pages(conversations: Conversations) -> None:
    for number, name in enumerate("abcd"):
        await conversations.append_messages(name, "ada", [message(number)])
    await conversations.append_messages("a", "ada", [message(9)])
    await conversations.append_messages("other", "bob", [message(10)])
    first = await conversations.list_conversations("ada", None, 2)
    rest = await conversations.list_conversations("ada", (first[-1].update_time, first[-1].id), 10)
    assert [each.id for each in first + rest] == ["a", "d", "c", "b"]


async def test_a_deleted_conversation_takes_its_messages_along(
    conversations: Conversations, bank: Bank
) -> None:
    await conversations.append_messages("c", "ada", [message(1), message(2)])
    await conversations.delete_conversation("c", "ada")
    with pytest.raises(ConversationNotFound):
        await conversations.get_conversation("c", "ada")
    assert await conversations.list_conversations("ada", None, 10) == []
    counts = await bank.counts()
    assert (counts.conversations, counts.messages) == (0, 0)
    await conversations.append_messages("c", "bob", [message(1)])
    assert (await conversations.get_conversation("c", "bob")).message_count == 1


async def test_feedback_is_kept_once(conversations: Conversations, bank: Bank) -> None:
    for rating in (Rating.LIKE, Rating.DISLIKE):
        feedback = Feedback("f", "ada", "The answer", rating, "{}", 1_700_000_000.5)
        assert await conversations.record_feedback(feedback) is Durability.COMMITTED
    assert (await bank.counts()).feedback == 1


async def test_concurrent_appends_lose_nothing(conversations: Conversations, bank: Bank) -> None:
    await asyncio.gather(
        *(conversations.append_messages("c", "ada", [message(number), message(500)]) for number in range(40))
    )
    assert (await conversations.get_conversation("c", "ada")).message_count == 41
    assert len(await all_messages(conversations, "c", "ada")) == 41
    assert (await bank.counts()).messages == 41
