"""How soon a fault shows, on a clock of the test's own."""

import pytest

from monitor_svc.__main__ import CONFIRM_SECONDS
from monitor_svc.known import KnownReplicas
from monitor_svc.model import Answer, ReplicaStatus
from monitor_svc.rounds import Pace
from monitor_svc.settings import MonitorSettings

SETTINGS = MonitorSettings()
PACE = Pace(SETTINGS.round_interval_seconds, SETTINGS.round_timeout_seconds, CONFIRM_SECONDS, 30.0)
WELL = ReplicaStatus("dataset-svc", "h", 1, "0.1.0", 0.0, 10, 1.0, 0, 0, 0.0, (), (), True)
ANSWER_SECONDS = 0.002


def seconds_until_it_shows(fault_at: float, *, returns_at: float | None = None) -> float:
    """Runs rounds until the replica is shown as away, or as back, and returns how long that took."""
    known, now = KnownReplicas("dataset-svc", 60.0), 0.0
    while True:
        silent = now + ANSWER_SECONDS >= fault_at and (returns_at is None or now < returns_at)
        took = PACE.timeout_seconds if silent else ANSWER_SECONDS
        answer = Answer("a", None, 0.0, "silent") if silent else Answer("a", WELL, 2.0)
        (replica,) = known.update([answer], now + took).replicas
        if returns_at is None and not replica.reachable:
            return now + took - fault_at
        if returns_at is not None and now >= returns_at and replica.reachable:
            return now + took - returns_at
        now += took + PACE.pause(took, suspects=known.suspects)


@pytest.mark.parametrize("hundredth", range(0, 100, 3))
def test_a_silent_replica_shows_within_three_seconds_whenever_it_falls_silent(hundredth: int) -> None:
    assert seconds_until_it_shows(5 + hundredth / 100) < 2.5


@pytest.mark.parametrize("hundredth", range(0, 100, 3))
def test_its_return_shows_within_five_seconds(hundredth: int) -> None:
    assert seconds_until_it_shows(5.0, returns_at=15 + hundredth / 100) < 1.5


def test_rounds_keep_their_beat_and_a_suspect_is_asked_at_once() -> None:
    assert PACE.pause(0.1, suspects=False) == pytest.approx(0.4)
    assert PACE.pause(0.9, suspects=False) == CONFIRM_SECONDS
    assert PACE.pause(0.1, suspects=True) == CONFIRM_SECONDS
