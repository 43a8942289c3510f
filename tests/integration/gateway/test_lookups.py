"""Lookups that are made at the same time are one call to a real knowledge-svc."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backends import KnowledgeStub, Peer, knowledge_key
from gateway.chat.model import CacheEntry, CacheKey
from gateway.knowledge_recall import KnowledgeRecall
from gateway.near_cache import NearCache
from mcai.knowledge.v1 import knowledge_pb2, knowledge_pb2_grpc
from servicekit import deadline
from servicekit.channel import open_channel
from servicekit.errors import PeerUnavailable
from tests.support.knowledge_replica import SERVICE, Replica, replica

ENTRY = CacheEntry(b"an answer", (), (), 0)


def key(name: str) -> CacheKey:
    return CacheKey(name, "shared", (), (), "extractive")


@pytest.fixture
async def one(tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(tmp_path, "one") as started:
        yield started


@pytest.fixture
def recall(one: Replica) -> KnowledgeRecall:
    return KnowledgeRecall(peer(one.stub), NearCache(0, lambda: 0.0))


def peer(stub: KnowledgeStub) -> Peer[KnowledgeStub]:
    return Peer("knowledge-svc", stub, None, 10.0)  # type: ignore[arg-type]  # its health is not asked


def fill_request(question: str, value: str) -> knowledge_pb2.FillRequest:
    return knowledge_pb2.FillRequest(
        key=knowledge_key(key(question)), entry=knowledge_pb2.CacheEntry(value=value.encode())
    )


def calls(one: Replica) -> int:
    labels = {"service": SERVICE.full_name, "method": "BatchLookup", "code": "OK"}
    return int(one.registry.get_sample_value("mcai_grpc_server_handled_total", labels) or 0)


async def test_what_is_looked_up_at_once_is_one_call(one: Replica, recall: KnowledgeRecall) -> None:
    for number in range(0, 100, 2):
        await one.stub.Fill(fill_request(f"question {number}", str(number)))

    found = await asyncio.gather(*(recall.lookup(key(f"question {n}"), wait_seconds=0) for n in range(100)))

    assert calls(one) == 1
    assert [each.value for each in found[::2]] == [str(number).encode() for number in range(0, 100, 2)]
    assert all(each.lease for each in found[1::2])


async def test_more_keys_than_a_call_takes_are_several_calls(one: Replica, recall: KnowledgeRecall) -> None:
    found = await asyncio.gather(*(recall.lookup(key(f"question {n}"), wait_seconds=0) for n in range(300)))

    assert calls(one) == 3
    assert all(each.lease for each in found)


async def test_of_many_who_ask_the_same_at_once_one_computes(one: Replica, recall: KnowledgeRecall) -> None:
    computed = 0

    async def answer() -> bytes | None:
        nonlocal computed
        recalled = await recall.lookup(key("the same"), wait_seconds=9.0)
        if recalled.lease is None:
            return recalled.value
        computed += 1
        assert await recall.fill(key("the same"), ENTRY, lease=recalled.lease)
        return ENTRY.value

    answers = await asyncio.gather(*(answer() for _ in range(200)))

    assert (computed, set(answers)) == (1, {b"an answer"})
    # All who wait share one call that waits.
    assert calls(one) <= 3


async def test_when_who_computes_gives_up_one_of_those_who_wait_computes(recall: KnowledgeRecall) -> None:
    first = await recall.lookup(key("the same"), wait_seconds=0)
    assert first.lease is not None
    waiting = [asyncio.create_task(recall.lookup(key("the same"), wait_seconds=60.0)) for _ in range(3)]
    await asyncio.sleep(0)

    await recall.release(key("the same"), lease=first.lease)
    done, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    ((second,),) = ([task.result()] for task in done)
    assert second.lease is not None
    assert await recall.fill(key("the same"), ENTRY, lease=second.lease)
    assert {each.value for each in await asyncio.gather(*rest)} == {b"an answer"}


async def test_the_end_of_the_wait_is_a_miss_without_a_lease(recall: KnowledgeRecall) -> None:
    assert (await recall.lookup(key("the same"), wait_seconds=0)).lease

    late = await recall.lookup(key("the same"), wait_seconds=0.05)

    assert (late.value, late.lease) == (None, None)


async def test_one_who_gives_up_does_not_take_the_others_along(one: Replica, recall: KnowledgeRecall) -> None:
    impatient = asyncio.create_task(recall.lookup(key("a"), wait_seconds=0))
    patient = asyncio.create_task(recall.lookup(key("a"), wait_seconds=0))
    await asyncio.sleep(0)
    impatient.cancel()

    assert (await patient).lease
    assert calls(one) == 1


async def test_a_deadline_of_one_is_not_the_deadline_of_the_others(recall: KnowledgeRecall) -> None:
    async def hasty() -> None:
        with deadline.limit(1e-6):
            await recall.lookup(key("a"), wait_seconds=0)

    found = await asyncio.gather(hasty(), recall.lookup(key("b"), wait_seconds=0), return_exceptions=True)

    assert found[1].lease  # type: ignore[union-attr]  # it is no exception


async def test_a_cache_that_is_away_is_told_to_all_who_asked(tmp_path: Path) -> None:
    async with open_channel(
        f"unix:{tmp_path}/nobody.sock", services=[SERVICE], token=None, timeout_seconds=5.0
    ) as channel:
        recall = KnowledgeRecall(
            peer(knowledge_pb2_grpc.KnowledgeServiceStub(channel)), NearCache(0, lambda: 0.0)
        )
        asked = (recall.lookup(key(name), wait_seconds=0) for name in ("a", "a", "b"))
        found = await asyncio.gather(*asked, return_exceptions=True)

    assert [type(each) for each in found] == [PeerUnavailable] * 3
