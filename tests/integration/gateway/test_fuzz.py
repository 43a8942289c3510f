"""Requests that are wrong in eleven ways: each is refused with a problem. `make fuzz` sends more of them."""

import asyncio
import json
import sys

import pytest

from tests.support.gateway_house import House
from tests.support.request_fuzz import Refusals

pytestmark = pytest.mark.asyncio(loop_scope="module")

REQUESTS = 1_100


async def test_whatever_is_wrong_with_a_request_it_is_refused_with_a_problem(house: House) -> None:
    # From a process of its own: making the requests up would hold the services' event loop.
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.request_fuzz",
        house.listener.url,
        str(REQUESTS),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    found = Refusals(**json.loads(out))

    assert found.failures == []
    assert found.sent == REQUESTS == sum(found.statuses.values())
    assert min(found.kinds.values()) == REQUESTS // 11
    assert set(found.statuses) == {"400", "403", "404", "405", "414", "415", "431"}
