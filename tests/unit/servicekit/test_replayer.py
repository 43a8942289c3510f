import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from servicekit.errors import (
    DeadlineExceeded,
    Internal,
    InvalidArgument,
    LimitExceeded,
    StoreUnavailable,
    Unauthenticated,
)
from servicekit.journal import Entry, Journal, Pace, Replayer
from tests.support.waiting import eventually

PATIENT = Pace(interval_seconds=3600.0, first_wait_seconds=3600.0, longest_wait_seconds=3600.0)
HASTY = Pace(interval_seconds=0.001, first_wait_seconds=0.001, longest_wait_seconds=0.002)


class Store:
    """Applies by id, as an idempotent store does, and fails when told to."""

    def __init__(self) -> None:
        self.rows: dict[str, bytes] = {}
        self.calls: list[str] = []
        self.fault: Callable[[Entry], Exception | None] = lambda _entry: None

    async def apply(self, entry: Entry) -> None:
        self.calls.append(entry.entry_id)
        error = self.fault(entry)
        if error is not None:
            raise error
        self.rows.setdefault(entry.entry_id, entry.payload)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with Journal(tmp_path / "x.journal") as journal:
        yield journal


async def fill(journal: Journal, names: str) -> None:
    for name in names:
        await journal.append(name, "message", name.encode())


def value(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(name, {"journal": "messages"})


async def test_everything_is_applied_in_its_order(journal: Journal) -> None:
    store, registry = Store(), CollectorRegistry()
    await fill(journal, "cab")
    replayer = Replayer(journal, store.apply, registry, name="messages", batch=2)
    assert value(registry, "mcai_journal_pending") == 3

    assert await replayer.replay()

    assert store.calls == ["c", "a", "b"]
    assert journal.count == 0
    assert value(registry, "mcai_journal_pending") == 0
    assert value(registry, "mcai_journal_applied_total") == 3


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailable("away"),
        DeadlineExceeded("late"),
        LimitExceeded("too many"),
        Unauthenticated("wrong token"),
    ],
    ids=repr,
)
async def test_it_stops_at_the_first_that_fails_and_loses_nothing(journal: Journal, error: Exception) -> None:
    store = Store()
    store.fault = lambda entry: error if entry.entry_id == "b" else None
    await fill(journal, "abc")
    replayer = Replayer(journal, store.apply, CollectorRegistry(), max_attempts=1)

    for _ in range(5):
        assert not await replayer.replay()

    assert store.calls == ["a", *"bbbbb"], "an absent store is waited for, however long, and order is kept"
    assert [entry.attempts for entry in await journal.pending()] == [0, 0]
    store.fault = lambda _entry: None
    assert await replayer.replay()
    assert list(store.rows) == ["a", "b", "c"]


async def test_an_entry_that_can_never_succeed_blocks_nothing(journal: Journal) -> None:
    store, registry = Store(), CollectorRegistry()
    store.fault = lambda entry: InvalidArgument("No such dataset.") if entry.entry_id == "b" else None
    await fill(journal, "abc")

    assert await Replayer(journal, store.apply, registry, name="messages").replay()

    assert list(store.rows) == ["a", "c"]
    assert [(dead.entry.entry_id, dead.reason) for dead in await journal.dead()] == [
        ("b", "No such dataset.")
    ]
    assert value(registry, "mcai_journal_dead_total") == 1
    assert journal.count == 0


@pytest.mark.parametrize("error", [KeyError("bug"), Internal("bug of the peer")], ids=repr)
async def test_an_entry_that_fails_for_its_own_reason_gets_some_chances(
    journal: Journal, error: Exception
) -> None:
    store = Store()
    store.fault = lambda entry: error if entry.entry_id == "a" else None
    await fill(journal, "ab")
    replayer = Replayer(journal, store.apply, CollectorRegistry(), max_attempts=3)

    assert not await replayer.replay()
    assert not await replayer.replay()
    assert store.rows == {}
    assert await replayer.replay()

    assert store.calls == ["a", "a", "a", "b"]
    assert [dead.entry.attempts for dead in await journal.dead()] == [2]


async def test_an_append_is_applied_at_once_in_the_background(journal: Journal) -> None:
    store = Store()
    async with Replayer(journal, store.apply, CollectorRegistry(), pace=PATIENT):
        await fill(journal, "a")
        await eventually(lambda: journal.count == 0)
        await fill(journal, "b")
        await eventually(lambda: journal.count == 0)

    assert store.calls == ["a", "b"]


async def test_after_a_failure_it_waits_and_a_wake_cuts_the_waiting_short(journal: Journal) -> None:
    store = Store()
    store.fault = lambda _entry: StoreUnavailable("away")
    async with Replayer(journal, store.apply, CollectorRegistry(), pace=PATIENT) as replayer:
        await fill(journal, "a")
        await eventually(lambda: store.calls == ["a"])
        await fill(journal, "b")
        assert store.calls == ["a"], "an append does not hurry a replayer whose store is away"

        store.fault = lambda _entry: None
        replayer.wake()
        await eventually(lambda: journal.count == 0)

    assert list(store.rows) == ["a", "b"]


async def test_it_comes_back_by_itself_when_the_store_does(journal: Journal) -> None:
    store = Store()
    store.fault = lambda _entry: StoreUnavailable("away")
    async with Replayer(journal, store.apply, CollectorRegistry(), pace=HASTY):
        await fill(journal, "ab")
        await eventually(lambda: len(store.calls) > 5)
        store.fault = lambda _entry: None
        await eventually(lambda: journal.count == 0)

    assert list(store.rows) == ["a", "b"]


async def test_what_was_applied_before_a_stop_is_not_forgotten(journal: Journal) -> None:
    """Cancelled in the middle of a batch, it marks what it has applied."""
    stuck = asyncio.Event()

    async def apply(entry: Entry) -> None:
        if entry.entry_id == "c":
            stuck.set()
            await asyncio.Event().wait()

    await fill(journal, "abc")
    async with Replayer(journal, apply, CollectorRegistry(), pace=PATIENT):
        await stuck.wait()

    assert [entry.entry_id for entry in await journal.pending()] == ["c"]
