"""Conversations and feedback over the wire, on SQLite."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from dataset_svc.wire import timestamp
from mcai.dataset.v1 import bank_pb2, conversation_pb2
from servicekit.errors import InvalidArgument, NotFound, translating
from tests.support.dataset_replica import Replica, dataset_replica


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    async with dataset_replica(tmp_path) as running:
        yield running


def said(number: int, content: str = "Hello?") -> conversation_pb2.Message:
    return conversation_pb2.Message(
        id=f"m{number:03}",
        role=conversation_pb2.ROLE_USER if number % 2 == 0 else conversation_pb2.ROLE_ASSISTANT,
        content=content,
        metadata_json='{"n": 1}',
        create_time=timestamp(1_700_000_000.125 + number),
    )


async def append(replica: Replica, conversation: str, user: str, *messages: conversation_pb2.Message) -> None:
    answer = await replica.stub.AppendMessages(
        conversation_pb2.AppendMessagesRequest(conversation_id=conversation, user_id=user, messages=messages)
    )
    assert answer.durability == bank_pb2.DURABILITY_COMMITTED


async def test_what_was_said_comes_back_in_pages_oldest_first(replica: Replica) -> None:
    messages = [said(number) for number in range(5)]
    await append(replica, "c1", "ann", *messages[:3])
    await append(replica, "c1", "ann", *messages[2:])
    seen, token = [], ""
    while True:
        page = await replica.stub.GetConversation(
            conversation_pb2.GetConversationRequest(
                conversation_id="c1", user_id="ann", page_size=2, page_token=token
            )
        )
        seen += list(page.messages)
        token = page.next_page_token
        if not token:
            break

    assert seen == messages
    assert (page.conversation.title, page.conversation.message_count) == ("Hello?", 5)


async def test_another_users_conversation_is_not_found(replica: Replica) -> None:
    await append(replica, "c1", "ann", said(1))

    with pytest.raises(NotFound), translating("dataset-svc"):
        await append(replica, "c1", "bob", said(2))
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.GetConversation(
            conversation_pb2.GetConversationRequest(conversation_id="c1", user_id="bob")
        )
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.DeleteConversation(
            conversation_pb2.DeleteConversationRequest(conversation_id="c1", user_id="bob")
        )


async def test_a_users_conversations_come_the_last_used_first_and_can_be_deleted(replica: Replica) -> None:
    for number in range(5):
        await append(replica, f"c{number}", "ann", said(number))
    await append(replica, "c0", "ann", said(10))
    await append(replica, "other", "bob", said(11))
    seen, token = [], ""
    while True:
        page = await replica.stub.ListConversations(
            conversation_pb2.ListConversationsRequest(user_id="ann", page_size=2, page_token=token)
        )
        seen += [conversation.id for conversation in page.conversations]
        token = page.next_page_token
        if not token:
            break
    assert seen == ["c0", "c4", "c3", "c2", "c1"]

    await replica.stub.DeleteConversation(
        conversation_pb2.DeleteConversationRequest(conversation_id="c4", user_id="ann")
    )
    rest = await replica.stub.ListConversations(conversation_pb2.ListConversationsRequest(user_id="ann"))
    assert [conversation.id for conversation in rest.conversations] == ["c0", "c3", "c2", "c1"]


async def test_feedback_is_kept_once(replica: Replica) -> None:
    request = conversation_pb2.RecordFeedbackRequest(
        feedback_id="f1", user_id="", message="Thanks", rating=conversation_pb2.RATING_LIKE
    )
    for _ in range(2):
        await replica.stub.RecordFeedback(request)

    assert (await replica.stats()).feedback == 1


async def test_the_stats_count_what_was_said(replica: Replica) -> None:
    await append(replica, "c1", "ann", said(1), said(2))
    stats = await replica.stats()

    assert (stats.conversations, stats.messages) == (1, 2)


@pytest.mark.parametrize(
    ("method", "request_message"),
    [
        ("AppendMessages", conversation_pb2.AppendMessagesRequest(conversation_id="c", user_id="u")),
        ("AppendMessages", conversation_pb2.AppendMessagesRequest(user_id="u", messages=[said(1)])),
        ("AppendMessages", conversation_pb2.AppendMessagesRequest(conversation_id="c", messages=[said(1)])),
        (
            "AppendMessages",
            conversation_pb2.AppendMessagesRequest(
                conversation_id="c", user_id="u", messages=[conversation_pb2.Message(id="m", content="x")]
            ),
        ),
        (
            "AppendMessages",
            conversation_pb2.AppendMessagesRequest(
                conversation_id="c", user_id="u", messages=[said(1, "nul \0")]
            ),
        ),
        (
            "AppendMessages",
            conversation_pb2.AppendMessagesRequest(
                conversation_id="c", user_id="u", messages=[said(number) for number in range(65)]
            ),
        ),
        ("GetConversation", conversation_pb2.GetConversationRequest(conversation_id="c" * 129, user_id="u")),
        ("ListConversations", conversation_pb2.ListConversationsRequest()),
        ("ListConversations", conversation_pb2.ListConversationsRequest(user_id="u", page_token="x")),
        ("RecordFeedback", conversation_pb2.RecordFeedbackRequest(feedback_id="f", message="x")),
    ],
)
async def test_bad_input_is_refused_with_a_sentence(
    replica: Replica, method: str, request_message: object
) -> None:
    with pytest.raises(InvalidArgument) as refusal, translating("dataset-svc"):
        await getattr(replica.stub, method)(request_message)

    assert refusal.value.message.endswith(".")


async def test_a_conversation_is_renamed_by_its_user_only(replica: Replica) -> None:
    await append(replica, "c1", "ann", said(1))
    request = conversation_pb2.RenameConversationRequest(conversation_id="c1", user_id="ann", title=" Waves ")
    assert (await replica.stub.RenameConversation(request)).conversation.title == "Waves"
    request.user_id = "bob"
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.RenameConversation(request)
    for title in (" ", "x" * 201):
        request.title = title
        with pytest.raises(InvalidArgument), translating("dataset-svc"):
            await replica.stub.RenameConversation(request)


async def search(replica: Replica, **fields: Any) -> list[str]:
    found, token = [], ""
    while True:
        page = await replica.stub.SearchMessages(
            conversation_pb2.SearchMessagesRequest(page_size=2, page_token=token, **fields)
        )
        found += [each.message.id for each in page.messages]
        token = page.next_page_token
        if not token:
            return found


async def test_messages_are_found_by_their_words_and_by_their_time(replica: Replica) -> None:
    await append(replica, "c1", "ann", *(said(number, f"The wave {number}") for number in range(5)))
    await append(replica, "c2", "ann", said(5, "Particles"))
    await append(replica, "c3", "bob", said(6, "A wave of bob's"))
    assert await search(replica, user_id="ann", query="WAVE the") == ["m004", "m003", "m002", "m001", "m000"]
    since = timestamp(1_700_000_000.125 + 3)
    assert await search(replica, user_id="ann", after_time=since) == ["m005", "m004", "m003"]
    assert await search(replica, user_id="ann", query="wave", after_time=since) == ["m004", "m003"]
    for fields in ({}, {"query": "?"}, {"query": "?", "after_time": since}):
        with pytest.raises(InvalidArgument), translating("dataset-svc"):
            await search(replica, user_id="ann", **fields)


async def test_a_user_is_exported_and_then_deleted(replica: Replica) -> None:
    await append(replica, "c1", "ann", said(1))
    await append(replica, "c2", "bob", said(2))
    await replica.stub.RecordFeedback(
        conversation_pb2.RecordFeedbackRequest(
            feedback_id="f", user_id="ann", message="x", rating=conversation_pb2.RATING_LIKE
        )
    )
    for user in ("ann", "bob"):
        await replica.stub.CreateExample(
            bank_pb2.CreateExampleRequest(
                domain="notes", prompt=f"By {user}", response="x", metadata_json=f'{{"user_id": "{user}"}}'
            )
        )
    request = conversation_pb2.ExportUserRequest(user_id="ann")
    records = [json.loads(each.record_json) async for each in replica.stub.ExportUser(request)]
    assert [each["type"] for each in records] == ["conversation", "message", "feedback", "example"]
    gone = await replica.stub.DeleteUser(conversation_pb2.DeleteUserRequest(user_id="ann"))
    assert (gone.conversations, gone.messages, gone.feedback, gone.examples) == (1, 1, 1, 1)
    assert [each async for each in replica.stub.ExportUser(request)] == []
    assert [hit.example.prompt for hit in await replica.search("By ann bob")] == ["By bob"]
    await append(replica, "c1", "ann", said(3))
    with pytest.raises(NotFound), translating("dataset-svc"):
        await replica.stub.GetConversation(
            conversation_pb2.GetConversationRequest(conversation_id="c1", user_id="ann")
        )
