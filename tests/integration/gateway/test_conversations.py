"""Conversations, the older history and feedback over HTTP, on real services."""

import json

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


async def test_a_conversation_is_renamed_by_its_user_alone(house: House) -> None:
    await house.ask("what is tcp", user_id="rena", conversation_id="named")
    address, rena = "/api/conversations/named", {"user_id": "rena"}

    renamed = await house.client.patch(address, params=rena, json={"title": "Networks"})
    stolen = await house.client.patch(address, params={"user_id": "eve"}, json={"title": "Mine"})

    assert renamed.json()["title"] == "Networks"
    assert stolen.status_code == 404
    shown = (await house.client.get(address, params=rena)).json()
    assert shown["conversation"]["title"] == "Networks"


async def test_what_was_said_is_found_in_pages_and_as_older_clients_ask(house: House) -> None:
    for question in ("what is tcp", "what is udp", "what is dns"):
        await house.ask(question, user_id="sue")
    sue = {"user_id": "sue"}

    found: list[str] = []
    token = ""
    while True:
        params = {**sue, "q": "what is", "page_size": "2", "page_token": token}
        page = (await house.client.get("/api/conversations:search", params=params)).json()
        found += [each["content"] for each in page["results"]]
        token = page["next_page_token"]
        if not token:
            break
    older = (
        await house.client.get("/api/conversation/search", params={**sue, "query": "udp", "limit": 5})
    ).json()
    nobody = await house.client.get("/api/conversations:search", params={"user_id": "eve", "q": "what"})

    assert [each for each in found if each.startswith("what is")] == [
        "what is dns",
        "what is udp",
        "what is tcp",
    ]
    assert "what is udp" in {each["content"] for each in older["results"]}
    assert older["count"] == len(older["results"])
    assert nobody.json()["results"] == []


async def test_the_timeline_shows_feelings_oldest_first(house: House) -> None:
    for message in ("I am so happy today", "I am very angry about this"):
        await house.ask(message, user_id="tim")

    body = (await house.client.get("/api/conversation/timeline", params={"user_id": "tim", "days": 1})).json()

    assert [each["emotion"] for each in body["timeline"]] == ["happiness", "anger"]
    assert (body["count"], body["days"]) == (2, 1)
    assert all(each["timestamp"].endswith("Z") for each in body["timeline"])


async def test_older_clients_delete_all_conversations_of_a_user(house: House) -> None:
    for _ in range(3):
        await house.ask("what is tcp", user_id="del")

    deleted = await house.client.post("/api/conversation/delete", json={"user_id": "del"})
    nobody = await house.client.post("/api/conversation/delete", json={})

    assert deleted.json() == {"deleted": 3, "success": True}
    assert nobody.status_code == 400
    listed = (await house.client.get("/api/conversations", params={"user_id": "del"})).json()
    assert listed["conversations"] == []


@pytest.mark.parametrize("older", [True, False])
async def test_a_user_takes_what_is_kept_along_and_is_forgotten(house: House, older: bool) -> None:
    user_id = f"leaver-{older}"
    await house.ask("what is tcp", user_id=user_id)
    await house.client.post(
        "/api/feedback", json={"message": "An answer.", "rating": "like", "user_id": user_id}
    )
    export = f"/api/privacy/export?user_id={user_id}" if older else f"/api/users/{user_id}:export"

    kept = await house.client.get(export)
    if older:
        gone = await house.client.post("/api/privacy/delete", json={"user_id": user_id})
        assert gone.json()["deleted"] == 1
    else:
        gone = await house.client.delete(f"/api/users/{user_id}")
        assert gone.json() == {"conversations": 1, "messages": 2, "feedback": 1, "examples": 0}

    kinds = [json.loads(line)["type"] for line in kept.text.splitlines()]
    assert sorted(kinds) == ["conversation", "feedback", "message", "message"]
    assert (await house.client.get(export)).text == ""
