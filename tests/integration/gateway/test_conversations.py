"""Conversations, the older history and feedback over HTTP, on real services."""

import pytest

from tests.support.gateway_house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_conversations_are_listed_read_and_deleted(house: House) -> None:
    for conversation_id in ("one", "two"):
        await house.ask("what is tcp", user_id="ada", conversation_id=conversation_id)
    ada = {"user_id": "ada"}

    listed = (await house.client.get("/api/conversations", params=ada)).json()["conversations"]
    shown = (await house.client.get("/api/conversations/one", params=ada)).json()
    foreign = await house.client.get("/api/conversations/one", params={"user_id": "eve"})
    stolen = await house.client.delete("/api/conversations/one", params={"user_id": "eve"})
    deleted = await house.client.delete("/api/conversations/one", params=ada)
    gone = await house.client.get("/api/conversations/one", params=ada)

    assert [each["id"] for each in listed] == ["two", "one"]
    assert shown["conversation"]["message_count"] == 2
    assert [each["role"] for each in shown["messages"]] == ["user", "assistant"]
    assert shown["messages"][1]["metadata"]["kind"] == "answer"
    assert foreign.status_code == 404
    assert stolen.status_code == 404
    assert deleted.status_code == 204
    assert gone.status_code == 404


async def test_history_holds_the_last_messages_of_the_last_conversation(house: House) -> None:
    for question in ("what is tcp", "what is udp", "what is dns"):
        await house.ask(question, user_id="bob", conversation_id="long")

    history = (await house.client.get("/api/history", params={"user_id": "bob", "limit": 3})).json()
    nobody = (await house.client.get("/api/history", params={"user_id": "nobody"})).json()

    assert history["count"] == 3
    assert [each["content"] for each in history["conversation"]][1] == "what is dns"
    assert nobody == {"conversation": [], "count": 0}


async def test_feedback_is_kept(house: House) -> None:
    before = (await house.client.get("/api/system/stats")).json()["database"]["feedback"]
    response = await house.client.post(
        "/api/feedback", json={"message": "An answer.", "rating": "like", "metadata": {"page": 1}}
    )

    assert response.status_code == 200
    body = response.json()
    assert body["success"] is True
    assert body["feedback_id"]
    assert body["durability"] == "committed"
    after = (await house.client.get("/api/system/stats")).json()["database"]["feedback"]
    assert after == before + 1
