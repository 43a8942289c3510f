"""The chat over HTTP, on real services."""

import json
from typing import Any

import pytest

from tests.support.gateway_house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")


def events(text: str) -> list[tuple[str, Any]]:
    """The named events of a stream with their data."""
    found = []
    for piece in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in piece.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["event"], json.loads(fields["data"])))
    return found


async def test_a_known_question_is_answered_with_its_source(house: House) -> None:
    response = await house.ask("what is dns")

    assert response.status_code == 200
    body = response.json()
    assert list(body) == ["status", "response", "metadata"]
    assert body["status"] == "ok"
    assert body["response"] == "The directory of names of the internet."
    metadata = body["metadata"]
    assert metadata["kind"] == "answer"
    assert metadata["model"] == "extractive"
    assert metadata["degraded"] == []
    assert metadata["conversation_id"] is None
    assert metadata["request_id"] == response.headers["x-request-id"]
    assert metadata["elapsed_ms"] > 0
    source = metadata["sources"][0]
    assert set(source) == {"id", "domain", "prompt", "score", "confidence"}
    assert (source["domain"], source["prompt"]) == ("networking", "What is DNS?")
    assert "x-mcai-degraded" not in response.headers


async def test_the_second_answer_comes_from_the_cache(house: House) -> None:
    first = (await house.ask("What is UDP?")).json()["metadata"]["cache"]
    second = (await house.ask("what is udp")).json()["metadata"]["cache"]

    assert first == {"tier": "miss", "hit": False, "stale": False}
    assert second == {"tier": "memory", "hit": True, "stale": False}


async def test_what_the_bank_does_not_know_is_said_so(house: House) -> None:
    body = (await house.ask("how do volcanoes make a chord of lava")).json()

    assert body["metadata"]["kind"] == "unknown"
    assert body["metadata"]["sources"] == []
    assert body["metadata"]["suggestions"]
    again = (await house.ask("how do volcanoes make a chord of lava")).json()
    assert again["metadata"]["cache"]["hit"] is False


async def test_a_stream_gives_the_same_answer_in_events(house: House) -> None:
    response = await house.client.post(
        "/api/chat", json={"message": "what is a chord"}, headers={"accept": "text/event-stream"}
    )

    assert response.headers["content-type"].startswith("text/event-stream")
    told = events(response.text)
    names = [name for name, _ in told]
    assert (names[0], names[-1]) == ("meta", "done")
    assert set(names[1:-1]) == {"delta"}
    assert "".join(data["text"] for name, data in told if name == "delta") == told[-1][1]["response"]
    assert told[-1][1]["status"] == "ok"
    assert told[0][1]["sources"][0]["prompt"] == "What is a chord?"


async def test_a_stream_that_cannot_begin_is_a_problem_with_its_status(house: House) -> None:
    response = await house.client.post("/api/chat", json={}, headers={"accept": "text/event-stream"})

    assert response.status_code == 400
    assert response.json()["error"] == "No message provided"


async def test_only_the_named_domain_is_asked(house: House) -> None:
    response = await house.ask("what is tcp", domain="music")

    assert response.json()["metadata"]["kind"] == "unknown"


async def test_a_conversation_is_remembered_for_its_user(house: House) -> None:
    answered = (await house.ask("what is tcp", user_id="ada", conversation_id="talk-1")).json()

    assert answered["metadata"]["conversation_id"] == "talk-1"
    assert answered["metadata"]["durability"] == "committed"
    history = (await house.client.get("/api/history", params={"user_id": "ada"})).json()
    assert history["count"] == 2
    assert [(each["role"], each["content"]) for each in history["conversation"]] == [
        ("user", "what is tcp"),
        ("assistant", "A reliable byte stream over IP."),
    ]
    stolen = await house.ask("what is tcp", user_id="eve", conversation_id="talk-1")
    assert stolen.status_code == 404


async def test_preferences_lay_the_answer_out(house: House) -> None:
    plain = (await house.ask("what is a chord")).json()["response"]
    bulleted = (await house.ask("what is a chord", preferences={"neurodivergent_mode": True})).json()[
        "response"
    ]

    assert plain == "Three or more notes at once. Three of them are a triad."
    assert bulleted == "- Three or more notes at once.\n- Three of them are a triad."


async def test_a_callers_request_id_is_kept_when_it_is_harmless(house: House) -> None:
    kept = await house.client.post("/api/chat", json={"message": "hi"}, headers={"x-request-id": "abc-1"})
    replaced = await house.client.post("/api/chat", json={"message": "hi"}, headers={"x-request-id": "a b"})

    assert kept.headers["x-request-id"] == "abc-1"
    assert replaced.headers["x-request-id"] != "a b"


async def test_the_feeling_of_a_message_is_told(house: House) -> None:
    response = await house.client.post("/api/emotion/analyze", json={"text": "I am so happy today!"})

    body = response.json()
    assert body["status"] == "ok"
    assert body["emotion"] == "happiness"
    assert body["valence"] > 0
    assert "happy" in body["words"]


async def test_the_catalogue_of_emotions_says_what_it_is(house: House) -> None:
    body = (await house.client.get("/api/emotions")).json()

    assert len(body["emotions"]) == 36
    assert {"name": "love", "frequency_hz": 528.0, "group": "metaphysical", "band": ""} in body["emotions"]
    assert "not established neuroscience" in body["note"]
