"""Each service behind the gateway is really stopped, and really comes back."""

import time
from collections.abc import AsyncIterator

import pytest

from tests.support.gateway_house import NDJSON, House, gateway_house
from tests.support.waiting import eventually

BACK_SECONDS = 5.0
"""What the system may take to be whole again after a service's return."""


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with gateway_house() as running:
        yield running


async def whole_again(house: House) -> None:
    """Waits, for as long as it may take, until an answer is made with everything."""

    async def undegraded() -> bool:
        response = await house.ask("what is udp", user_id="waiter")
        return response.status_code == 200 and "x-mcai-degraded" not in response.headers

    await eventually(undegraded, BACK_SECONDS)
    await house.readiness("ok")


async def test_without_knowledge_svc_every_question_is_worked_out(house: House) -> None:
    await house.ask("what is tcp")
    await house.stop("knowledge")

    for question in ("what is tcp", "what is dns", "what is dns"):
        response = await house.ask(question)
        assert response.status_code == 200
        assert response.headers["x-mcai-degraded"] == "knowledge-svc"
        metadata = response.json()["metadata"]
        assert metadata["degraded"] == ["knowledge-svc"]
        assert metadata["cache"]["hit"] is False
    assert (await house.readiness("degraded"))["degraded"] == ["knowledge-svc"]
    stats = (await house.client.get("/api/system/stats")).json()
    assert stats["redis"]["reachable"] is False
    assert stats["database"]["reachable"] is True
    refused = await house.client.post("/api/system/cache/invalidate")
    assert refused.status_code == 503

    await house.start("knowledge")
    await whole_again(house)


async def test_without_dataset_svc_what_is_cached_is_answered(house: House) -> None:
    await house.ask("what is tcp")
    await house.stop("dataset")

    known = await house.ask("what is tcp")
    assert known.status_code == 200
    assert known.json()["response"] == "A reliable byte stream over IP."
    assert known.json()["metadata"]["cache"]["hit"] is True

    unknown = await house.ask("what is dns")
    assert unknown.status_code == 503
    assert int(unknown.headers["retry-after"]) >= 1
    assert unknown.headers["x-mcai-degraded"] == "dataset-svc"
    assert "bank" in unknown.json()["detail"]
    streamed = await house.client.post(
        "/api/chat", json={"message": "what is dns"}, headers={"accept": "text/event-stream"}
    )
    assert streamed.status_code == 503

    ready = await house.client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
    assert (await house.client.get("/livez")).status_code == 200
    await house.start("dataset")
    await whole_again(house)


async def test_without_both_what_was_answered_here_is_answered_again(house: House) -> None:
    await house.ask("what is tcp")
    await house.stop("dataset")
    await house.stop("knowledge")

    known = await house.ask("What is TCP?")
    unknown = await house.ask("what is dns")

    assert known.status_code == 200
    assert known.json()["response"] == "A reliable byte stream over IP."
    assert known.json()["metadata"]["cache"] == {"tier": "memory", "hit": True, "stale": True}
    assert known.json()["metadata"]["degraded"] == ["dataset-svc", "knowledge-svc"]
    assert unknown.status_code == 503
    assert (await house.readiness("degraded"))["degraded"] == ["dataset-svc", "knowledge-svc"]
    await house.start("dataset")
    await house.start("knowledge")
    await whole_again(house)


async def test_with_nothing_to_answer_from_it_is_not_ready_and_still_alive() -> None:
    async with gateway_house(with_rows=False) as house:
        await house.stop("dataset")
        await house.stop("knowledge")

        await house.readiness("unavailable")
        ready = await house.client.get("/readyz")
        assert ready.status_code == 503
        assert ready.headers["retry-after"]
        assert (await house.client.get("/livez")).status_code == 200


async def test_what_was_said_meanwhile_is_remembered_once_afterwards(house: House) -> None:
    await house.ask("what is tcp")
    await house.stop("dataset")
    for _ in range(2):
        response = await house.ask("what is tcp", user_id="ada", conversation_id="night")
        assert response.json()["metadata"]["durability"] == "journalled"
    liked = await house.client.post("/api/feedback", json={"message": "x", "rating": "like"})
    assert (liked.status_code, liked.json()["durability"]) == (202, "journalled")

    await house.start("dataset")

    async def told() -> list[str]:
        response = await house.client.get("/api/conversations/night", params={"user_id": "ada"})
        assert response.status_code == 200
        return [each["role"] for each in response.json()["messages"]]

    async def all_there() -> bool:
        stats = (await house.client.get("/api/system/stats")).json()["database"]
        return len(await told()) >= 4 and stats["feedback"] >= 1

    await eventually(all_there, BACK_SECONDS)
    await whole_again(house)
    assert await told() == ["user", "assistant"] * 2
    assert (await house.client.get("/api/system/stats")).json()["database"]["feedback"] == 1


async def test_what_was_said_survives_the_gateway_too(house: House) -> None:
    await house.ask("what is tcp")
    await house.stop("dataset")
    await house.ask("what is tcp", user_id="ada", conversation_id="kept")
    await house.stop("gateway")
    await house.start("dataset")
    await house.start_gateway()

    async def remembered() -> bool:
        response = await house.client.get("/api/conversations/kept", params={"user_id": "ada"})
        return response.status_code == 200 and len(response.json()["messages"]) == 2

    assert await eventually(remembered, BACK_SECONDS)


async def test_a_full_journal_refuses_instead_of_pretending() -> None:
    async with gateway_house(journal_max_messages=1) as house:
        await house.ask("what is tcp")
        await house.stop("dataset")
        first = await house.ask("what is tcp", user_id="ada")
        second = await house.ask("what is tcp", user_id="ada")

        assert first.json()["metadata"]["durability"] == "journalled"
        assert second.status_code == 503
        assert "journal is full" in second.json()["detail"]


async def test_the_banks_own_routes_say_that_it_is_away(house: House) -> None:
    await house.stop("dataset")

    for method, address, body in (
        ("GET", "/api/search?q=tcp", None),
        ("GET", "/api/datasets", None),
        ("GET", "/api/conversations?user_id=ada", None),
        ("POST", "/api/datasets/music/examples", {"prompt": "x", "response": "y"}),
    ):
        response = await house.client.request(method, address, json=body)
        assert response.status_code == 503
        assert int(response.headers["retry-after"]) >= 1
        assert response.json()["metadata"]["dependency"] == "dataset-svc"
    row = b'{"prompt": "x", "response": "y"}'
    imported = await house.client.post("/api/datasets/music:import", content=row, headers=NDJSON)
    assert imported.status_code == 503
    exported = await house.client.get("/api/datasets/music:export")
    assert exported.status_code == 503


async def test_without_task_svc_only_tasks_are_refused(house: House) -> None:
    await house.stop("task")

    declined = await house.ask("show me 528 Hz")
    assert declined.status_code == 200
    assert "away" in declined.json()["response"]
    assert declined.json()["metadata"]["kind"] == "declined"
    assert declined.json()["metadata"]["task"] is None
    assert declined.headers["x-mcai-degraded"] == "task-svc"

    refused = await house.client.post("/api/cymatic/generate", json={"frequency_hz": 432})
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1
    assert "task-svc" in refused.json()["detail"]
    assert (await house.client.get("/api/tasks/x/events")).status_code == 503
    assert (await house.client.get("/api/tasks/x/artifacts/y")).status_code == 503
    chat = await house.ask("what is tcp")
    assert chat.status_code == 200
    assert "x-mcai-degraded" not in chat.headers
    assert (await house.readiness("degraded"))["degraded"] == ["task-svc"]

    await house.start("task")
    await house.readiness("ok")
    again = await house.client.get("/api/tasks")
    assert again.status_code == 200
    begun = await house.ask("show me 528 Hz")
    assert begun.json()["metadata"]["kind"] == "task"
    assert "x-mcai-degraded" not in begun.headers


async def test_without_monitor_svc_the_gateway_looks_itself(house: House) -> None:
    await house.stop("monitor")

    response = await house.client.get("/api/system/health")
    body = response.json()
    assert body["source"] == "gateway"
    assert body["status"] == "degraded"
    assert body["services"] == {"redis": False, "database": True, "monitor": False}
    assert body["unreachable"] == ["monitor-svc"]
    assert response.headers["x-mcai-degraded"] == "monitor-svc"
    assert {each["name"]: each["status"] for each in body["components"]} == {
        "knowledge-svc": "healthy",
        "dataset-svc": "healthy",
        "task-svc": "healthy",
        "monitor-svc": "unhealthy",
    }
    await house.stop("dataset")
    worse = (await house.client.get("/api/system/health")).json()
    assert (worse["status"], worse["services"]["database"]) == ("unhealthy", False)

    await house.start("dataset")
    await house.start("monitor")

    async def healthy() -> bool:
        seen = (await house.client.get("/api/system/health")).json()
        return bool(seen["source"] == "monitor" and seen["status"] == "healthy")

    assert await eventually(healthy, BACK_SECONDS)


async def test_health_is_true_while_the_bank_is_away(house: House) -> None:
    await house.stop("dataset")

    async def told() -> bool:
        body = (await house.client.get("/api/system/health")).json()
        return bool(body["status"] == "unhealthy" and body["services"]["database"] is False)

    assert await eventually(told, BACK_SECONDS)


@pytest.mark.parametrize("name", ["knowledge", "dataset"])
async def test_a_black_hole_costs_its_budget_once(name: str) -> None:
    budget = 1.5
    async with gateway_house(
        name,
        knowledge_timeout_seconds=budget,
        dataset_timeout_seconds=budget,
        knowledge_wait_seconds=0.1,
    ) as house:
        await house.ask("what is tcp")
        await house.proxies[name].hang()

        async def noticed() -> bool:
            return f"{name}-svc" in (await house.client.get("/readyz")).json()["degraded"]

        first = await house.ask("what is tcp")
        await eventually(noticed)
        started = time.perf_counter()
        for _ in range(5):
            assert (await house.ask("what is tcp")).status_code == 200
        elapsed = time.perf_counter() - started

        assert first.status_code == 200
        assert elapsed < budget
        await house.proxies[name].pass_through()
        await whole_again(house)
