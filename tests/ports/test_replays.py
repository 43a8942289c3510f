"""What every store of recordings must do: in a file, in a real Redis, with Redis away."""

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from gateway.fallback_shared import RedisGate, SharedReplays
from gateway.redis_client import open_client, ping
from gateway.redis_replays import RedisReplays
from gateway.replays import Begun, Recording, Replays, Verdict, fingerprint_of, name_of
from gateway.sqlite_replays import SqliteReplays
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from tests.support.waiting import eventually

NOBODY = "redis://127.0.0.1:1/0"
ANSWER = Recording(201, [(b"content-type", b"application/json")], [b'{"a":', b"1}"])


@pytest.fixture(params=["sqlite", "redis", "fallback", "fallback-away"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(params=[60.0])
def claim_seconds(request: pytest.FixtureRequest) -> float:
    seconds: float = request.param
    return seconds


@pytest.fixture
async def replays(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, claim_seconds: float
) -> AsyncIterator[Replays]:
    url = request.getfixturevalue("redis_url") if kind in {"redis", "fallback"} else NOBODY
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(
            SqliteReplays(tmp_path / "replays.sqlite", claim_seconds=claim_seconds, now=time.time)
        )
        client = await stack.enter_async_context(open_client(SecretStr(url), budget_seconds=1.0))
        shared = RedisReplays(client, claim_seconds=claim_seconds)
        gate = RedisGate(
            lambda: ping(client),
            Breaker("redis", budget_seconds=1.0, reset_seconds=0.5),
            Degradation("redis", CollectorRegistry()),
        )
        await stack.enter_async_context(gate.watched())
        stores: dict[str, Replays] = {"sqlite": own, "redis": shared}
        yield stores.get(kind, SharedReplays(shared, own, gate))


async def test_a_key_is_claimed_once_and_its_answer_is_given_again(replays: Replays) -> None:
    assert await replays.begin("k", "f") == Begun(Verdict.NEW)
    assert await replays.begin("k", "f") == Begun(Verdict.RUNNING)
    await replays.keep("k", "f", ANSWER, 60.0)

    assert await replays.begin("k", "f") == Begun(Verdict.DONE, ANSWER)
    assert await replays.begin("other", "f") == Begun(Verdict.NEW)


async def test_another_request_is_told_so_while_the_first_runs_and_after(replays: Replays) -> None:
    await replays.begin("k", "f")
    assert (await replays.begin("k", "g")).verdict is Verdict.OTHER
    await replays.keep("k", "f", ANSWER, 60.0)
    assert (await replays.begin("k", "g")).verdict is Verdict.OTHER


async def test_a_claim_that_is_given_back_is_free(replays: Replays) -> None:
    await replays.begin("k", "f")
    await replays.release("k")

    assert await replays.begin("k", "g") == Begun(Verdict.NEW)


@pytest.mark.parametrize("claim_seconds", [0.05], indirect=True)
async def test_a_claim_whose_holder_died_ends_by_itself(replays: Replays) -> None:
    await replays.begin("k", "f")

    async def free() -> bool:
        return (await replays.begin("k", "f")).verdict is Verdict.NEW

    assert await eventually(free)


async def test_an_answer_is_kept_for_its_time(replays: Replays) -> None:
    await replays.begin("k", "f")
    await replays.keep("k", "f", ANSWER, 0.05)

    async def forgotten() -> bool:
        return (await replays.begin("k", "f")).verdict is Verdict.NEW

    assert await eventually(forgotten)


async def test_a_damaged_file_is_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "replays.sqlite"
    path.write_bytes(b"no database" * 500)
    async with SqliteReplays(path, claim_seconds=60.0, now=time.time) as replays:
        assert await replays.begin("k", "f") == Begun(Verdict.NEW)


async def test_recordings_outlive_a_restart(tmp_path: Path) -> None:
    for verdict in (Verdict.NEW, Verdict.DONE):
        async with SqliteReplays(tmp_path / "r.sqlite", claim_seconds=60.0, now=time.time) as replays:
            assert (await replays.begin("k", "f")).verdict is verdict
            await replays.keep("k", "f", ANSWER, 60.0)


def test_names_are_of_one_principal_and_one_key() -> None:
    assert len({name_of("a", "bc"), name_of("ab", "c"), name_of("abc", "")}) == 3
    assert fingerprint_of(b"a", b"") != fingerprint_of(b"", b"a")
