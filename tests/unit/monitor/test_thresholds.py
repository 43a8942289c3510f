"""Warnings are raised and cleared with hysteresis."""

from monitor_svc.model import Reading, Warned
from monitor_svc.settings import MonitorSettings
from monitor_svc.thresholds import Watchdog, thresholds

LIMITS = MonitorSettings(warn_hold_seconds=10.0, warn_resident_bytes=500 * 2**20).limits()


def memory(megabytes: float) -> list[Reading]:
    return [Reading("dataset-svc", "resident_bytes", megabytes * 2**20, "a:1")]


def watchdog() -> Watchdog:
    return Watchdog(thresholds(LIMITS), 10.0)


def test_every_limit_of_the_settings_has_its_sentence() -> None:
    assert {each.figure for each in thresholds(LIMITS)} == set(LIMITS)


def test_what_stays_beyond_its_limit_is_raised_once() -> None:
    watched = watchdog()

    assert watched.update(memory(600), 0.0) == []
    assert watched.update(memory(600), 9.9) == []
    (raised,) = watched.update(memory(601), 10.0)

    assert raised.message == "dataset-svc at a:1 uses 601 MB of memory, above 500 MB."
    assert (raised.raised_at, raised.cleared_at) == (10.0, None)
    assert watched.update(memory(600), 20.0) == []
    assert [each.raised_at for each in watched.standing()] == [10.0]


def test_a_moment_beyond_the_limit_raises_nothing() -> None:
    watched = watchdog()
    watched.update(memory(600), 0.0)
    watched.update(memory(400), 5.0)

    assert watched.update(memory(600), 12.0) == []
    assert watched.standing() == ()


def test_what_hovers_at_the_limit_neither_raises_nor_clears() -> None:
    watched = watchdog()
    watched.update(memory(600), 0.0)
    watched.update(memory(600), 10.0)

    for second in range(11, 100):
        assert watched.update(memory(480 if second % 2 else 510), float(second)) == []
    assert len(watched.standing()) == 1


def test_what_is_well_within_its_limit_for_a_while_is_cleared() -> None:
    watched = watchdog()
    watched.update(memory(600), 0.0)
    watched.update(memory(600), 10.0)

    assert watched.update(memory(440), 20.0) == []
    (cleared,) = watched.update(memory(440), 30.0)

    assert (cleared.raised_at, cleared.cleared_at) == (10.0, 30.0)
    assert watched.standing() == ()


def test_a_least_value_warns_below_its_limit() -> None:
    watched = watchdog()
    low = [Reading("gateway", "disk_free_ratio", 0.05, "a:1")]
    watched.update(low, 0.0)
    (raised,) = watched.update(low, 10.0)

    assert raised.message == "gateway at a:1 has 5.0 % of its disk left, below 10.0 %."


def test_what_is_no_longer_measured_is_cleared() -> None:
    watched = watchdog()
    watched.update(memory(600), 0.0)
    watched.update(memory(600), 10.0)
    watched.update([], 20.0)

    assert [each.cleared_at for each in watched.update([], 30.0)] == [30.0]


def test_what_stood_before_a_restart_stands_on_since_then() -> None:
    watched = watchdog()
    watched.restore([Warned("resident_bytes", "dataset-svc", "a:1", "old", 5.0)])

    assert watched.update(memory(600), 100.0) == []
    assert [(each.raised_at, each.message[:11]) for each in watched.standing()] == [(5.0, "dataset-svc")]
