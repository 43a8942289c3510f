"""Keys as people use them: made, shown once, refused when they end; nobody gets in without one."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, bearer, client_of, make_key
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[House]:
    """A house that asks for keys."""
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN, keys_refresh_seconds=0.2) as house:
        yield house


async def test_nobody_gets_in_without_a_key(guarded: House) -> None:
    none = await guarded.client.post("/api/chat", json={"message": "What is TCP?"})
    wrong = await guarded.client.get("/api/datasets", headers=bearer("mcai_" + "x" * 43))
    nowhere = await guarded.client.get("/api/nowhere")

    for refused in (none, wrong, nowhere):
        assert refused.status_code == 401
        assert refused.headers["content-type"] == "application/problem+json"
        assert refused.headers["www-authenticate"].startswith("Bearer")


async def test_probes_and_the_page_need_none(guarded: House) -> None:
    for path in ("/livez", "/readyz", "/healthz", "/", "/web/chat.js", "/openapi.json"):
        assert (await guarded.client.get(path)).status_code == 200


async def test_a_key_is_shown_once_and_only_its_hash_is_kept(guarded: House) -> None:
    created = (
        await guarded.client.post("/api/keys", json={"name": "once"}, headers=bearer(ADMIN_TOKEN))
    ).json()
    listed = await guarded.client.get("/api/keys", headers=bearer(ADMIN_TOKEN))

    assert created["key"].startswith(created["record"]["prefix"])
    assert len(created["key"]) == len("mcai_") + 43  # 256 bits in base 64
    assert created["key"] not in listed.text
    stored = b"".join(path.read_bytes() for path in guarded.path.rglob("*") if path.is_file())
    assert created["key"].encode() not in stored
    assert created["record"]["prefix"].encode() in stored


async def test_a_key_opens_what_its_scopes_say(guarded: House) -> None:
    async with client_of(guarded, await make_key(guarded, "reader")) as client:
        chat = await client.post("/api/chat", json={"message": "What is TCP?"})
        search = await client.get("/api/search", params={"q": "tcp"})
        writing = await client.post("/api/datasets", json={"domain": "new"})
        administering = await client.get("/api/keys")

    assert (chat.status_code, search.status_code) == (200, 200)
    assert (writing.status_code, administering.status_code) == (403, 403)
    assert "bank:write" in writing.json()["detail"]


async def test_a_key_is_also_read_from_x_api_key(guarded: House) -> None:
    secret = await make_key(guarded, "header")

    assert (await guarded.client.get("/api/datasets", headers={"x-api-key": secret})).status_code == 200


async def test_a_revoked_key_is_refused_at_once(guarded: House) -> None:
    secret = await make_key(guarded, "lost")
    assert (await guarded.client.get("/api/datasets", headers=bearer(secret))).status_code == 200
    keys = (await guarded.client.get("/api/keys", headers=bearer(ADMIN_TOKEN))).json()["keys"]
    (lost,) = (each["id"] for each in keys if each["name"] == "lost")

    revoked = await guarded.client.delete(f"/api/keys/{lost}", headers=bearer(ADMIN_TOKEN))

    assert revoked.json()["revoke_time"]
    assert (await guarded.client.get("/api/datasets", headers=bearer(secret))).status_code == 401


async def test_keys_go_on_while_the_bank_is_away_and_over_a_start_without_it() -> None:
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN) as house:
        secret = await make_key(house, "survivor")
        await house.stop("dataset")
        first = await house.client.get("/api/system/health", headers=bearer(secret))
        unknown = await house.client.get("/api/system/health", headers=bearer("mcai_unknown"))
        await house.stop("gateway")
        await house.start_gateway()
        second = await house.client.get("/api/system/health", headers=bearer(secret))

        assert (first.status_code, unknown.status_code, second.status_code) == (200, 401, 200)


async def test_a_gateway_that_never_read_the_keys_says_so() -> None:
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN, with_rows=False) as house:
        await house.stop("gateway")
        await house.stop("dataset")
        for kept in house.path.rglob("keys.json"):
            kept.unlink()
        await house.start_gateway()
        early = await house.client.get("/api/system/health", headers=bearer("mcai_someone"))
        own = await house.client.get("/api/system/health", headers=bearer(ADMIN_TOKEN))

        assert (early.status_code, own.status_code) == (503, 200)
        assert early.headers["retry-after"]


async def test_what_one_gateway_revokes_another_refuses_soon() -> None:
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN, keys_refresh_seconds=0.1) as house:
        secret = await make_key(house, "shared")
        async with house.second_gateway() as second, client_of(house, ADMIN_TOKEN) as admin:
            assert (await second.get("/api/datasets", headers=bearer(secret))).status_code == 200
            (key,) = (await admin.get("/api/keys")).json()["keys"]
            await admin.delete(f"/api/keys/{key['id']}")

            async def refused() -> bool:
                answer = await second.get("/api/datasets", headers=bearer(secret))
                return answer.status_code == 401

            assert await eventually(refused)


async def test_without_a_token_of_its_own_it_makes_one_and_says_where() -> None:
    async with gateway_house(auth="required", with_rows=False) as house:
        (kept,) = house.path.rglob("admin-key")
        assert kept.stat().st_mode & 0o777 == 0o600
        answer = await house.client.get("/api/keys", headers=bearer(kept.read_text().strip()))

        assert answer.status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example"},
        {"host": "127.0.0.1.rebound.example:8000"},
        {"host": "[not an address"},
        {"x-forwarded-for": "203.0.113.7"},
        {"forwarded": "for=203.0.113.7"},
    ],
)
async def test_without_keys_only_this_machine_is_served(house: House, headers: dict[str, str]) -> None:
    refused = await house.client.get("/api/datasets", headers=headers)

    assert refused.status_code == 403
    assert "MCAI_AUTH=required" in refused.json()["detail"]


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:8000", "127.0.0.1:1", "[::1]:8000", "mcai.localhost"]
)
async def test_without_keys_this_machine_is_served_by_each_of_its_names(house: House, host: str) -> None:
    assert (await house.client.get("/api/datasets", headers={"host": host})).status_code == 200
