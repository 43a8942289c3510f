"""A transfer goes on where it broke off, and gives up only when it gets no further."""

import threading
from collections.abc import Iterator

import pytest

from mcai_cli import transfer
from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.reading.model import Item, Rejected, Row, Skipped
from mcai_cli.transfer import BATCH_ITEMS, PATIENCE_SECONDS, Transfer, batched, read_ahead
from tests.support.memory_bank import MemoryBank

ROWS = [Row(f"What is {number}?", str(number), f"f:{number}", "d") for number in range(4 * BATCH_ITEMS)]


class Log:
    """What a listener was told."""

    def __init__(self) -> None:
        self.told: list[Rejected | Skipped] = []
        self.rows: list[int] = []
        self.broken = 0

    def left_out(self, item: Rejected | Skipped) -> None:
        self.told.append(item)

    def sent(self, rows: int) -> None:
        self.rows.append(rows)

    def broke(self, _error: BankAwayError) -> None:
        self.broken += 1


class Time:
    """A clock that moves only while somebody pauses."""

    def __init__(self) -> None:
        self.now = 0.0

    def clock(self) -> float:
        return self.now

    async def pause(self, seconds: float) -> None:
        self.now += seconds


def begun(items: list[Item], log: Log, time: Time) -> Transfer:
    return Transfer(lambda: iter(items), log, "one", clock=time.clock, pause=time.pause)


async def test_it_goes_on_where_it_stood() -> None:
    bank, log = MemoryBank(), Log()
    bank.breaks, bank.away = [3, 1], [2, 0]
    items: list[Item] = [*ROWS[:700], Rejected("f:x", "It is broken."), *ROWS[700:]]

    report = await begun(items, log, Time()).run(bank)

    assert (report.read, report.added, report.duplicates) == (len(ROWS), len(ROWS), 0)
    assert [row.prompt for row in bank.rows] == [row.prompt for row in ROWS]
    assert [first for first, _ in bank.streams] == [0, 3 * BATCH_ITEMS - 1, 4 * BATCH_ITEMS - 1]
    assert log.told == [Rejected("f:x", "It is broken.")]
    assert log.broken == 2
    assert log.rows == sorted(log.rows)


async def test_it_gives_up_when_nobody_answers() -> None:
    bank, time = MemoryBank(), Time()
    bank.breaks, bank.away = [0], [10_000]

    with pytest.raises(CommandError, match=r"It was tried for 120 s\. Run the same command again"):
        await begun(list(ROWS), Log(), time).run(bank)

    assert PATIENCE_SECONDS <= time.now < PATIENCE_SECONDS + 10


async def test_it_gives_up_when_it_never_gets_further() -> None:
    bank, time = MemoryBank(), Time()
    bank.breaks = [0] * 10_000

    with pytest.raises(CommandError, match="The connection broke off"):
        await begun(list(ROWS[: BATCH_ITEMS + 1]), Log(), time).run(bank)

    assert time.now < PATIENCE_SECONDS + 10


async def test_progress_makes_it_patient_again() -> None:
    bank, time = MemoryBank(), Time()
    bank.breaks, bank.away = [1, 1, 1], [27, 27, 27]

    report = await begun(list(ROWS), Log(), time).run(bank)

    assert report.added == len(ROWS)
    assert time.now > 2 * PATIENCE_SECONDS


def test_a_batch_ends_at_a_bound_of_characters() -> None:
    large = [Row("What?", "x" * 250_000, "f", "d") for _ in range(9)]

    assert [len(batch) for batch in batched(iter(large))] == [4, 4, 1]


async def test_an_empty_batch_is_given_while_the_source_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "HEARTBEAT_SECONDS", 0.001)
    ready = threading.Event()

    def source() -> Iterator[list[Item]]:
        ready.wait(30)
        yield [ROWS[0]]

    seen: list[list[Item]] = []
    async for batch in read_ahead(source()):
        seen.append(batch)
        if len(seen) == 2:
            ready.set()

    assert seen[:2] == [[], []]
    assert seen[-1] == [ROWS[0]]


async def test_a_fault_of_the_source_reaches_the_caller() -> None:
    def source() -> Iterator[Item]:
        yield ROWS[0]
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        await Transfer(source, Log(), "one", clock=lambda: 0.0).run(MemoryBank())
