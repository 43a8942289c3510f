"""Whatever part is stopped, held up or cut off, /api/system/health says so in 3 s, and of no other part."""

import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.truth_house import PARTS, TruthHouse, truth_house
from tests.support.waiting import eventually

SHOWN_SECONDS = 3.0
CLEARED_SECONDS = 5.0
# Only after a silence of five seconds is a worker that has not said so away: it may be busy.
WORKER_GRACE_SECONDS = 5.0
# A machine that runs other tests beside takes longer; `--numprocesses 0` holds it to the above.
SLACK_BESIDE_OTHERS = 2.0

Body = dict[str, Any]
Shows = Callable[[Body], bool]


def away(service: str) -> Shows:
    return lambda body: component(body, service)["status"] == "unhealthy"


def component(body: Body, service: str) -> Body:
    (found,) = (each for each in body["components"] if each["name"] == service)
    return dict(found)


# How the lack of each part shows.
SHOWS: dict[str, Shows] = {
    "dataset": away("dataset-svc"),
    "knowledge": away("knowledge-svc"),
    "task": away("task-svc"),
    "monitor": lambda body: body["source"] == "gateway" and not body["services"]["monitor"],
    "postgres": lambda body: not body["services"]["database"] and "postgres" in body["degraded"],
    "redis": lambda body: not body["services"]["redis"] and "redis" in body["degraded"],
    # Without a worker the broker leads nowhere.
    "worker": lambda body: "broker" in body["degraded"] and body["services"]["redis"],
}


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TruthHouse]:
    async with truth_house(tmp_path) as running:
        yield running


def untouched(body: Body, part: str) -> bool:
    """Whether every other service is said to be there."""
    return all(
        counts["reachable"] == counts["known"] == 1
        for name, counts in body["replicas"].items()
        if name.removesuffix("-svc") != part
    )


@pytest.fixture
def slack(worker_id: str) -> float:
    return 1.0 if worker_id == "master" else SLACK_BESIDE_OTHERS


async def shown(house: TruthHouse, part: str, slack: float) -> None:
    seconds = slack * (SHOWN_SECONDS + (WORKER_GRACE_SECONDS if part == "worker" else 0.0))
    began = time.monotonic()

    async def is_shown() -> bool:
        body = await house.health()
        assert untouched(body, part) or part == "monitor", body["replicas"]
        return SHOWS[part](body)

    await eventually(is_shown, seconds)
    assert time.monotonic() - began < seconds


async def cleared(house: TruthHouse, slack: float) -> None:
    await eventually(house.is_whole, slack * CLEARED_SECONDS)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("part", PARTS)
async def test_health_tells_the_truth_about_a_part(house: TruthHouse, part: str, slack: float) -> None:
    await house.pause(part)
    try:
        await shown(house, part, slack)
    finally:
        await house.go_on(part)
    await cleared(house, slack)

    if part != "worker":
        await house.black_hole(part)
        await shown(house, part, slack)
        await house.let_through(part)
        await cleared(house, slack)

    await house.stop(part)
    await shown(house, part, slack)
    await house.start(part)
    await cleared(house, slack)
