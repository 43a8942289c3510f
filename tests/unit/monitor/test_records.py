"""What the rounds bring is written, also when the monitor is told to end in the middle of it."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from monitor_svc.judgement import Outcome
from monitor_svc.model import HealthStatus, SystemHealth, Transition, Warned
from monitor_svc.records import Records
from monitor_svc.sqlite import SqliteHistory
from servicekit.background import in_background

RAISED = Warned("memory", "dataset-svc", "a", "It uses much.", 10.0)


def outcome(*warnings: Warned) -> Outcome:
    return Outcome(SystemHealth(1, HealthStatus.HEALTHY, (), (), warnings, 10.0, 1.0), (), warnings, ())


class SlowHistory:
    """Its disk answers when it is let."""

    def __init__(self, history: SqliteHistory) -> None:
        self._history = history
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    def __getattr__(self, name: str) -> object:
        return getattr(self._history, name)

    async def record(self, transitions: Sequence[Transition], warnings: Sequence[Warned]) -> None:
        self.began.set()
        await self.may_end.wait()
        await self._history.record(transitions, warnings)


async def test_what_was_taken_up_is_written_though_the_writer_is_ended(tmp_path: Path) -> None:
    history = await SqliteHistory.open(tmp_path / "h.sqlite", 100)
    slow = SlowHistory(history)
    records = Records(slow)  # type: ignore[arg-type]
    async with in_background("records", records.repeat):
        records.add(outcome(RAISED))
        await slow.began.wait()
    slow.may_end.set()

    await records.flush()

    assert [warned for _, warned in await history.warnings(None, 10)] == [RAISED]
    await history.close()
