"""Figures over time: steps, and a file that stays bounded."""

from pathlib import Path

import pytest

from monitor_svc.model import Point, Reading
from monitor_svc.sqlite import SqliteHistory
from monitor_svc.timeline import (
    COARSE_PERIOD_SECONDS,
    COARSE_SECONDS,
    FINE_PERIOD_SECONDS,
    FINE_SECONDS,
    Timeline,
)

START = 1_900_000_200


def reading(value: float, figure: str = "latency_ms", address: str = "") -> Reading:
    return Reading("gateway", figure, value, address)


def test_a_step_holds_the_least_the_mean_and_the_greatest() -> None:
    timeline = Timeline()
    for offset, value in enumerate((1.0, 5.0, 3.0)):
        assert timeline.add([reading(value)], START + offset) == []

    ((told, point),) = timeline.add([reading(9.0)], START + FINE_SECONDS)

    assert (told.service, told.figure) == ("gateway", "latency_ms")
    assert point == Point(START, 1.0, 3.0, 5.0)


def test_of_several_replicas_the_worst_is_kept() -> None:
    timeline = Timeline()
    timeline.add([reading(0.2, "disk_free_ratio", "a"), reading(0.1, "disk_free_ratio", "b")], START)
    timeline.add([reading(20, "cpu_percent", "a"), reading(60, "cpu_percent", "b")], START + 1)

    ended = {told.figure: point.high for told, point in timeline.add([], START + FINE_SECONDS)}

    assert ended == {"disk_free_ratio": 0.1, "cpu_percent": 60.0}


async def test_a_month_is_kept_coarsely_and_a_day_finely(tmp_path: Path) -> None:
    history = await SqliteHistory.open(tmp_path / "h.sqlite", 100)
    # A point every ten minutes and then a fine hour: what a month leaves behind, in a moment.
    ends = START + COARSE_PERIOD_SECONDS + 5 * COARSE_SECONDS
    times = [*range(START, ends - 3600, COARSE_SECONDS), *range(ends - 3600, ends, FINE_SECONDS)]
    for begin in range(0, len(times), 500):
        for time in times[begin : begin + 500]:
            value = float(time % 7)
            await history.record_points([(reading(value), Point(float(time), value, value, value))])
    fine = await history.points("gateway", "latency_ms", 0.0, fine=True)
    coarse = await history.points("gateway", "latency_ms", 0.0, fine=False)
    await history.close()

    assert len(fine) <= FINE_PERIOD_SECONDS / FINE_SECONDS + COARSE_SECONDS / FINE_SECONDS
    assert fine[-1].time == ends - FINE_SECONDS
    assert len(coarse) <= COARSE_PERIOD_SECONDS / COARSE_SECONDS + 1
    assert coarse[0].time >= ends - COARSE_PERIOD_SECONDS - COARSE_SECONDS
    assert coarse[-1].mean == pytest.approx(3.0, abs=0.5)


async def test_a_coarse_point_sums_its_fine_ones_up(tmp_path: Path) -> None:
    history = await SqliteHistory.open(tmp_path / "h.sqlite", 100)
    begin = START - START % COARSE_SECONDS
    for offset, value in ((0, 2.0), (15, 4.0), (30, 9.0)):
        await history.record_points([(reading(value), Point(begin + offset, value - 1, value, value + 1))])

    assert await history.points("gateway", "latency_ms", 0.0, fine=False) == [Point(begin, 1.0, 5.0, 10.0)]
    assert len(await history.points("gateway", "latency_ms", begin + 15, fine=True)) == 2
    await history.close()
