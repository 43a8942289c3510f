"""The near cache on real services: quick, and never behind what was forgotten in the cache."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.gateway_house import House, gateway_house
from tests.support.waiting import eventually

FRESH = "A reliable, ordered byte stream."


@pytest.fixture
async def own_house() -> AsyncIterator[House]:
    async with gateway_house("knowledge") as running:
        yield running


async def asked(house: House, question: str = "what is tcp") -> dict[str, Any]:
    body: dict[str, Any] = (await house.ask(question)).json()
    return body


async def kept_near(house: House, question: str = "what is tcp") -> dict[str, Any]:
    async def is_near() -> dict[str, Any] | None:
        body = await asked(house, question)
        return body if body["metadata"]["cache"]["tier"] == "near" else None

    found: dict[str, Any] | None = await eventually(is_near)
    assert found is not None
    return found


async def test_an_edit_ends_the_answer_that_was_built_on_it_and_no_other_is_worked_out_anew(
    own_house: House,
) -> None:
    body = await kept_near(own_house)
    await kept_near(own_house, "what is a chord")
    example = body["metadata"]["sources"][0]["id"]

    changed = await own_house.client.patch(f"/api/examples/{example}", json={"response": FRESH})
    assert changed.status_code == 200

    async def is_fresh() -> bool:
        return bool((await asked(own_house))["response"] == FRESH)

    await eventually(is_fresh)
    # That it is held still, test_near_feed.py tells; on a busy machine the window may have passed.
    other = (await asked(own_house, "what is a chord"))["metadata"]["cache"]
    assert other["tier"] in {"near", "memory"}
    assert not other["stale"]


async def test_an_invalidation_ends_near_answers_before_it_is_acknowledged(own_house: House) -> None:
    await kept_near(own_house)

    receipt = await own_house.client.post("/api/system/cache/invalidate")

    assert receipt.status_code == 200
    assert (await asked(own_house))["metadata"]["cache"]["tier"] == "miss"
    await kept_near(own_house)


async def test_a_cache_that_hangs_or_goes_takes_the_near_answers_with_it(own_house: House) -> None:
    await kept_near(own_house)
    await own_house.proxies["knowledge"].hang()

    async def is_without() -> bool:
        return (await own_house.ask("what is tcp")).headers.get("x-mcai-degraded") == "knowledge-svc"

    await eventually(is_without)
    await own_house.proxies["knowledge"].pass_through()
    await kept_near(own_house)
    await own_house.stop("knowledge")
    await eventually(is_without)
