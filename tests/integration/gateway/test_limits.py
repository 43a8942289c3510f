"""How often: headers and 429, shared by gateways, and counted alone while Redis is away."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import httpx2
import openai

from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, bearer, make_key
from tests.support.proxy import FaultyProxy
from tests.support.redis_server import RedisServer
from tests.support.waiting import eventually

CAPACITY = 5


@asynccontextmanager
async def limited(**more: object) -> AsyncIterator[tuple[House, str]]:
    settings = {"rate_limit_key": CAPACITY, "rate_limit_seconds": 500.0, **more}
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN, with_rows=False, **settings) as house:
        yield house, await make_key(house, "ada")


async def test_a_key_has_so_many_requests_and_is_told_how_it_stands() -> None:
    async with limited() as (house, key):
        answers = [await house.client.get("/v1/models", headers=bearer(key)) for _ in range(CAPACITY + 1)]
        *allowed, refused = answers

        assert [each.status_code for each in allowed] == [200] * CAPACITY
        assert allowed[0].headers["ratelimit"].startswith(f'"key";r={CAPACITY - 1};t=')
        assert allowed[0].headers["ratelimit-policy"] == f'"key";q={CAPACITY};w=500'
        assert allowed[-1].headers["x-ratelimit-remaining-requests"] == "0"
        assert refused.status_code == 429
        assert 1 <= int(refused.headers["retry-after"]) <= 100
        assert refused.headers["x-should-retry"] == "true"
        assert int(refused.headers["retry-after-ms"]) <= 1000 * int(refused.headers["retry-after"])
        assert refused.json()["error"]["type"] == "rate_limit_error"


async def test_the_official_client_waits_as_it_is_told_and_gets_its_answer() -> None:
    async with (
        limited(rate_limit_key=2, rate_limit_seconds=1.0) as (house, key),
        openai.AsyncOpenAI(base_url=f"{house.listener.url}/v1", api_key=key, max_retries=5) as client,
    ):
        for _ in range(6):
            assert [each.id async for each in client.models.list()] == ["mcai"]


async def test_probes_are_never_counted() -> None:
    async with limited() as (house, key):
        for _ in range(CAPACITY + 1):
            await house.client.get("/v1/models", headers=bearer(key))
        assert (await house.client.get("/readyz")).status_code == 200


async def test_on_this_machine_without_keys_nothing_is_counted() -> None:
    async with gateway_house(with_rows=False, rate_limit_key=1, rate_limit_address=1) as house:
        for _ in range(5):
            answer = await house.client.get("/v1/models")
            assert answer.status_code == 200
            assert "ratelimit" not in answer.headers


async def test_two_gateways_count_together(redis_url: str) -> None:
    async with limited(redis_url=redis_url) as (house, key), house.second_gateway() as second:
        statuses = [
            (await client.get("/v1/models", headers=bearer(key))).status_code
            for _ in range(CAPACITY)
            for client in (house.client, second)
        ]

        assert statuses.count(200) == CAPACITY


async def test_while_redis_is_away_each_counts_alone_and_says_so(redis_server: RedisServer) -> None:
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultyProxy(redis_server.address))
        house, key = await stack.enter_async_context(
            limited(
                redis_url=redis_server.url(address=proxy.address), redis_call_ms=1000.0, rate_limit_key=50
            )
        )
        await proxy.refuse()

        async def alone() -> httpx2.Response | None:
            answer = await house.client.get("/v1/models", headers=bearer(key))
            return answer if "redis" in answer.headers.get("x-mcai-degraded", "") else None

        answer = await eventually(alone)
        assert answer is not None
        assert answer.status_code == 200
        assert (await house.readiness("degraded"))["degraded"] == ["redis"]
        await proxy.pass_through()
        await house.readiness("ok")
