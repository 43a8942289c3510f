"""The near cache behind a real knowledge-svc that follows a feed: exactly the touched answers go."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.backends import Peer
from gateway.chat.model import CacheEntry, CacheKey, Tier
from gateway.knowledge_recall import KnowledgeRecall, NearFeed
from gateway.near_cache import NearCache
from mcai.dataset.v1 import bank_pb2
from servicekit.background import in_background
from tests.support.knowledge_replica import Replica, replica
from tests.support.scripted_bank import ScriptedBank, serving
from tests.support.waiting import eventually

# The scripted bank's prompts are the ids of its examples.
QUESTIONS = ("what is tcp", "what is a chord", "how is bread baked")


def key(question: str, scope: str = "shared") -> CacheKey:
    return CacheKey(question, scope, (), (), "extractive")


@pytest.fixture
def bank() -> ScriptedBank:
    return ScriptedBank()  # type: ignore[abstract]  # the calls it leaves out are never made


@pytest.fixture
async def one(bank: ScriptedBank, tmp_path: Path) -> AsyncIterator[Replica]:
    async with (
        serving(bank, tmp_path) as target,
        replica(tmp_path, "one", dataset_target=target) as started,
    ):
        # Until it has found its place in the feed it forgets everything.
        await eventually(lambda: bank.followed_from)
        yield started


@pytest.fixture
def near() -> NearCache:
    # Its clock stands still, so the window never passes: what goes was named.
    return NearCache(1_000_000, lambda: 0.0)


@pytest.fixture
async def recall(one: Replica, near: NearCache) -> AsyncIterator[KnowledgeRecall]:
    peer = Peer("knowledge-svc", one.stub, None, 10.0)  # type: ignore[arg-type]  # its health is not asked
    async with in_background("near cache", NearFeed(peer, near).run):
        yield KnowledgeRecall(peer, near)


async def hold(recall: KnowledgeRecall, *questions: str) -> None:
    for question in questions:
        entry = CacheEntry(question.encode(), (question,), (), 0)

        async def is_near(question: str = question) -> bool:
            return (await recall.lookup(key(question), wait_seconds=0)).tier is Tier.NEAR

        assert await recall.fill(key(question), entry, lease="")
        await eventually(is_near)


def held(near: NearCache) -> list[str]:
    return [question for question in QUESTIONS if near.get(key(question))]


@pytest.mark.parametrize(
    ("kind", "example", "stay"),
    [
        (bank_pb2.CHANGE_KIND_UPDATED, "what is tcp", ["what is a chord", "how is bread baked"]),
        (bank_pb2.CHANGE_KIND_DELETED, "what is a chord", ["what is tcp", "how is bread baked"]),
        (bank_pb2.CHANGE_KIND_CREATED, "bread of rye", ["what is tcp", "what is a chord"]),
    ],
)
async def test_a_change_takes_exactly_the_answers_that_it_touches(
    bank: ScriptedBank,
    recall: KnowledgeRecall,
    near: NearCache,
    kind: "bank_pb2.ChangeKind.ValueType",
    example: str,
    stay: list[str],
) -> None:
    await hold(recall, *QUESTIONS)

    await bank.change((kind, example))

    await eventually(lambda: len(near) < len(QUESTIONS))
    assert held(near) == stay


async def test_a_change_of_what_nobody_asked_takes_nothing(
    bank: ScriptedBank, one: Replica, recall: KnowledgeRecall, near: NearCache
) -> None:
    await hold(recall, *QUESTIONS)
    await bank.change(
        (bank_pb2.CHANGE_KIND_UPDATED, "opening hours"), (bank_pb2.CHANGE_KIND_UPDATED, "what is tcp")
    )

    # The stream tells both in their order, so the second says that the first has been heard.
    await eventually(lambda: len(near) < len(QUESTIONS))
    assert held(near) == list(QUESTIONS[1:])
    assert (await one.stats()).bank_sequence == bank.head


async def test_two_users_never_share_an_answer(recall: KnowledgeRecall, near: NearCache) -> None:
    mine, yours = key("what did i say", "me"), key("what did i say", "you")
    await recall.fill(mine, CacheEntry(b"my secret", (), (), 0), lease="")

    async def is_near() -> bool:
        return (await recall.lookup(mine, wait_seconds=0)).tier is Tier.NEAR

    await eventually(is_near)
    for other in (yours, key("what did i say")):
        found = await recall.lookup(other, wait_seconds=0)
        assert (found.value, found.tier) == (None, Tier.MISS)
        assert near.get(other) is None
