"""Several processes answer as one gateway; none of them is missed when it goes."""

import os
import signal
from typing import Any

from tests.support.gateway_house import House, gateway_house
from tests.support.http_load import chat_request, load
from tests.support.waiting import eventually

START_SECONDS = 60.0
QUESTION = chat_request("What is TCP?")


async def pids(house: House, count: int) -> set[int]:
    """The processes that answer, once there are so many."""
    seen: set[int] = set()

    async def all_seen() -> bool:
        health = await house.client.get("/api/system/health", headers={"connection": "close"})
        seen.add(health.json()["worker_pid"])
        return len(seen) >= count

    await eventually(all_seen, START_SECONDS)
    return seen


async def test_a_worker_that_dies_is_replaced_and_the_figures_go_on() -> None:
    async with gateway_house(workers=2) as house:
        first = await pids(house, 2)
        killed = first.pop()
        os.kill(killed, signal.SIGKILL)

        async def another() -> bool:
            return bool(await pids(house, 2) - first - {killed})

        await eventually(another, START_SECONDS)
        assert (await house.ask("What is TCP?")).status_code == 200

        async def counted() -> bool:
            metrics = {each.name: each for each in house.registry.collect()}
            chats = [
                each.value
                for each in metrics["mcai_http_requests"].samples
                if each.labels.get("route") == "/api/chat"
            ]
            return sum(chats) >= 1

        await eventually(counted, START_SECONDS)


async def test_workers_are_recycled_under_load_and_no_request_fails() -> None:
    async with gateway_house(workers=2, recycle_requests=300, drain_seconds=5.0) as house:
        first = await pids(house, 2)
        async with load(lambda: [("127.0.0.1", house.listener.port)], QUESTION) as seen:

            async def all_new() -> bool:
                return not await pids(house, 2) & first

            await eventually(all_new, START_SECONDS)
            await seen.at_least(100)

        assert seen.failures == []
        assert seen.answered > 600


async def test_a_key_that_is_used_twice_is_known_to_every_worker() -> None:
    async with gateway_house(workers=2) as house:
        await pids(house, 2)
        answers: list[dict[str, Any]] = []
        for _ in range(12):
            headers = {"idempotency-key": "once", "connection": "close"}
            body = {"kind": "cymatic", "parameters": {"frequency_hz": 440, "size_pixels": 64}}
            response = await house.client.post("/api/tasks", json=body, headers=headers)
            assert response.status_code == 202
            answers.append(response.json())

        assert len({each["job_id"] for each in answers}) == 1


async def test_one_of_two_gateways_is_stopped_under_load_and_no_request_fails() -> None:
    async with gateway_house(drain_seconds=5.0) as house:
        first = ("127.0.0.1", house.listener.port)
        async with house.second_gateway() as other:
            second = ("127.0.0.1", other.base_url.port or 0)
            async with load(lambda: [first, second], QUESTION) as seen:
                await seen.at_least(200)
                await house.stop("gateway")
                await seen.at_least(200)

            assert seen.failures == []
            assert min(seen.by.values()) > 50
