"""The degraded versions of the chat's ports, over ports that are told to fail."""

import pytest
from prometheus_client import CollectorRegistry

from gateway.chat.model import CacheEntry, CacheKey, Findings, Recalled, Tier
from gateway.fallback import BankAway, UncachedRecall
from gateway.last_answers import LastAnswers
from servicekit import degrade
from servicekit.degrade import Degradation
from servicekit.errors import InvalidArgument, PeerUnavailable, ServiceError
from tests.support.chat_fakes import MemoryBank, MemoryRecall
from tests.support.chat_port_suite import RecallSuite

KEY = CacheKey("what is tcp", "shared", (), (), "extractive")
ENTRY = CacheEntry(b"tcp", ("1",), (), 1)


class BrittleRecall(MemoryRecall):
    """A cache that raises `error` while there is one."""

    error: ServiceError | None = None

    async def lookup(self, key: CacheKey, *, wait_seconds: float) -> Recalled:
        self._fail()
        return await super().lookup(key, wait_seconds=wait_seconds)

    async def fill(self, key: CacheKey, entry: CacheEntry, *, lease: str) -> bool:
        self._fail()
        return await super().fill(key, entry, lease=lease)

    async def release(self, key: CacheKey, *, lease: str) -> None:
        self._fail()
        await super().release(key, lease=lease)

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error


@pytest.fixture
def away() -> PeerUnavailable:
    return PeerUnavailable("It does not answer.")


@pytest.fixture
def degradation() -> Degradation:
    return Degradation("some-svc", CollectorRegistry())


@pytest.fixture
def cache() -> BrittleRecall:
    return BrittleRecall()


@pytest.fixture
def last() -> LastAnswers:
    return LastAnswers(100_000)


@pytest.fixture
def recall(cache: BrittleRecall, last: LastAnswers, degradation: Degradation) -> UncachedRecall:
    return UncachedRecall(cache, last, degradation)


class TestWhileAllIsWell(RecallSuite):
    @pytest.fixture
    def recall(self, degradation: Degradation) -> UncachedRecall:
        return UncachedRecall(MemoryRecall(), LastAnswers(0), degradation)


async def test_an_absent_cache_is_a_miss_and_says_so(
    recall: UncachedRecall, cache: BrittleRecall, away: PeerUnavailable, degradation: Degradation
) -> None:
    cache.error = away
    with degrade.collecting() as names:
        recalled = await recall.lookup(KEY, wait_seconds=0)

    assert (recalled.value, recalled.tier) == (None, Tier.MISS)
    assert names == {"some-svc"}
    assert degradation.active
    cache.error = None
    await recall.lookup(KEY, wait_seconds=0)
    assert not degradation.active


async def test_what_was_worked_out_without_the_cache_is_stale_and_has_a_lease(
    recall: UncachedRecall, cache: BrittleRecall, away: PeerUnavailable
) -> None:
    cache.error = away
    first = await recall.lookup(KEY, wait_seconds=0)
    assert first.lease is not None
    assert not await recall.fill(KEY, ENTRY, lease=first.lease)
    second = await recall.lookup(KEY, wait_seconds=0)

    assert (second.value, second.stale) == (b"tcp", True)
    assert second.lease is not None
    await recall.release(KEY, lease=second.lease)


async def test_what_the_cache_once_gave_is_known_after_it_has_gone(
    recall: UncachedRecall, cache: BrittleRecall, away: PeerUnavailable
) -> None:
    cache.entries[KEY] = ENTRY
    await recall.lookup(KEY, wait_seconds=0)
    cache.error = away

    assert (await recall.lookup(KEY, wait_seconds=0)).value == b"tcp"


async def test_what_the_cache_has_forgotten_is_asked_of_the_bank_first(
    recall: UncachedRecall, cache: BrittleRecall, last: LastAnswers
) -> None:
    last.put(KEY, b"old")
    mine = await recall.lookup(KEY, wait_seconds=0)
    theirs = await recall.lookup(KEY, wait_seconds=0)

    # Stale with a lease is what makes the pipeline ask the bank, also when another caller has the real lease.
    for recalled in (mine, theirs):
        assert (recalled.value, recalled.stale) == (b"old", True)
        assert recalled.lease is not None
    assert mine.lease == cache.leases[KEY]
    assert mine.lease is not None
    assert await recall.fill(KEY, ENTRY, lease=mine.lease)
    assert last.get(KEY) == ENTRY.value


async def test_a_cache_that_goes_in_the_middle_does_no_harm(
    recall: UncachedRecall, cache: BrittleRecall, away: PeerUnavailable, degradation: Degradation
) -> None:
    lease = (await recall.lookup(KEY, wait_seconds=0)).lease
    assert lease is not None
    cache.error = away

    assert not await recall.fill(KEY, ENTRY, lease=lease)
    await recall.release(KEY, lease=lease)
    assert degradation.active


async def test_a_cache_that_is_at_fault_is_not_taken_for_absent(
    recall: UncachedRecall, cache: BrittleRecall, degradation: Degradation
) -> None:
    cache.error = InvalidArgument("The key is too long.")

    with pytest.raises(InvalidArgument):
        await recall.lookup(KEY, wait_seconds=0)
    assert not degradation.active


async def test_an_absent_bank_says_so_and_is_asked_again(
    away: PeerUnavailable, degradation: Degradation
) -> None:
    inner = MemoryBank()
    bank = BankAway(inner, degradation)
    inner.error = away
    with degrade.collecting() as names:
        assert await bank.search("tcp", (), limit=1) == Findings((), away=True)
    assert names == {"some-svc"}
    inner.error = None

    assert not (await bank.search("tcp", (), limit=1)).away
    assert not degradation.active
