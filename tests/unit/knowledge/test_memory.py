import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from knowledge_svc.additions import Additions
from knowledge_svc.memory import MemoryTier
from knowledge_svc.model import Entry, Invalidation, Key
from tests.support.knowledge_parts import NOW, ManualClock, entry_of, key_of

KEYS = [key_of(str(number)) for number in range(12)]
ROOM = entry_of(b"x" * 1_000).size


def run_now(coroutine: object) -> object:
    """Runs a coroutine that never suspends; one that does fails here."""
    try:
        coroutine.send(None)  # type: ignore[attr-defined]  # object, so that any coroutine fits
    except StopIteration as end:
        return end.value
    raise AssertionError("it suspended")


class Bounded(RuleBasedStateMachine):
    """Whatever is done to it, the tier keeps its bound, its books, and never serves what it should not."""

    @initialize(entries=st.integers(1, 8))
    def start(self, entries: int) -> None:
        self.clock = ManualClock()
        self.bound = entries * ROOM
        self.tier = MemoryTier(self.bound, self.clock, Additions())
        self.put_last: dict[Key, Entry] = {}

    @rule(
        key=st.sampled_from(KEYS),
        size=st.sampled_from([0, 1_000, 3_000, 20_000]),
        built_on=st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple),
        sequence=st.integers(0, 5),
    )
    def put(self, key: Key, size: int, built_on: tuple[str, ...], sequence: int) -> None:
        entry = entry_of(b"x" * size, built_on=built_on, sequence=sequence, now=self.clock.now)
        assert run_now(self.tier.put(key, entry)) is True
        self.put_last[key] = entry

    @rule(keys=st.lists(st.sampled_from(KEYS), max_size=4))
    def get(self, keys: list[Key]) -> None:
        read = run_now(self.tier.get_many(keys))
        for key, entry in zip(keys, read.entries, strict=True):  # type: ignore[attr-defined]  # it is a Read
            assert entry is None or entry == self.put_last[key]
            assert entry is None or entry.is_alive(self.clock.now)

    @rule(example=st.sampled_from("abc"), sequence=st.integers(1, 6))
    def evict(self, example: str, sequence: int) -> None:
        run_now(self.tier.evict(Invalidation(labels={f"e:{example}": sequence})))
        self.put_last = {
            key: entry
            for key, entry in self.put_last.items()
            if example not in entry.example_ids or entry.sequence >= sequence
        }

    @rule(key=st.sampled_from(KEYS))
    def evict_key(self, key: Key) -> None:
        run_now(self.tier.evict(Invalidation(keys=frozenset((key,)))))
        self.put_last.pop(key, None)

    @rule()
    def clear(self) -> None:
        run_now(self.tier.clear(0))
        self.put_last.clear()

    @rule(seconds=st.sampled_from([1.0, 4_000.0, 8_000.0]))
    def pass_time(self, seconds: float) -> None:
        self.clock.now += seconds

    @invariant()
    def keeps_its_bound_and_its_books(self) -> None:
        held = [slot.entry for queue in (self.tier._small, self.tier._main) for slot in queue.values()]
        assert self.tier.size == sum(entry.size for entry in held) <= self.bound
        indexed = sum(len(keys) for keys in self.tier._by_label.values())
        assert indexed == sum(len(entry.labels) for entry in held)
        assert len(self.tier._ghosts) <= max(16, len(held))


TestBounded = Bounded.TestCase
TestBounded.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def test_a_scan_does_not_wash_out_what_is_asked_again_and_again(clock: ManualClock) -> None:
    tier = MemoryTier(20 * ROOM, clock, Additions())
    favourites = [key_of(f"favourite {number}") for number in range(5)]
    for key in favourites:
        await tier.put(key, entry_of(b"x" * 1_000))
    await tier.get_many(favourites)

    for number in range(500):
        await tier.put(key_of(f"asked once {number}"), entry_of(b"x" * 1_000))

    assert all((await tier.get_many(favourites)).entries)


async def test_what_is_asked_again_after_it_was_dropped_stays(clock: ManualClock) -> None:
    tier = MemoryTier(20 * ROOM, clock, Additions())
    numbers = itertools.count()

    async def fill(count: int) -> None:
        for number in itertools.islice(numbers, count):
            await tier.put(key_of(str(number)), entry_of(b"x" * 1_000))

    await fill(20)
    again = key_of("0")
    await fill(5)
    assert (await tier.get_many([again])).entries == [None]
    await tier.put(again, entry_of(b"x" * 1_000))
    await fill(18)

    assert (await tier.get_many([again])).entries != [None]


async def test_an_eviction_moves_the_epoch_even_if_nothing_was_there(clock: ManualClock) -> None:
    tier = MemoryTier(ROOM, clock, Additions())
    before = tier.epoch

    await tier.evict(Invalidation(labels={"e:unknown": 1}))

    assert tier.epoch != before


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.integers(0, 5_000)), max_size=60))
def test_the_bound_holds_for_any_sizes(puts: list[tuple[Key, int]]) -> None:
    tier = MemoryTier(4 * ROOM, lambda: NOW, Additions())
    for key, size in puts:
        run_now(tier.put(key, entry_of(b"x" * size)))
        assert tier.size <= 4 * ROOM
