import asyncio

import pytest
from structlog.testing import capture_logs

from servicekit.health import Health, Probe
from tests.support.waiting import eventually


class Dependency:
    def __init__(self) -> None:
        self.error: Exception | None = None
        self.checks = 0

    async def check(self) -> None:
        self.checks += 1
        if self.error is not None:
            raise self.error


class Told:
    def __init__(self) -> None:
        self.changes: list[bool] = []

    async def __call__(self, serving: bool) -> None:
        self.changes.append(serving)


async def never() -> None:
    await asyncio.Event().wait()


async def test_it_serves_after_the_first_good_round_and_not_before() -> None:
    told, dependency = Told(), Dependency()
    health = Health([Probe("postgres", dependency.check)], told)
    assert (health.serving, health.outcomes) == (False, ())

    await health.check()

    assert health.serving
    assert told.changes == [True]


async def test_without_probes_it_serves() -> None:
    told = Told()
    health = Health([], told)

    await health.check()

    assert told.changes == [True]


async def test_only_changes_are_told_and_logged() -> None:
    told, dependency = Told(), Dependency()
    health = Health([Probe("postgres", dependency.check)], told)
    with capture_logs() as lines:
        for error in (None, None, OSError("gone"), OSError("gone"), None, None):
            dependency.error = error
            await health.check()

    assert told.changes == [True, False, True]
    assert [line["event"] for line in lines] == [
        "serving",
        "probe failed",
        "not serving",
        "probe recovered",
        "serving",
    ]


async def test_a_probe_that_is_not_critical_changes_nothing_but_its_outcome() -> None:
    told, dependency = Told(), Dependency()
    dependency.error = OSError("gone")
    health = Health([Probe("redis", dependency.check, critical=False)], told, clock=lambda: 12.0)

    await health.check()

    (outcome,) = health.outcomes
    assert (outcome.name, outcome.healthy, outcome.message) == ("redis", False, "gone")
    assert outcome.checked_at == 12.0
    assert health.failing() == {"redis"}
    assert health.serving


@pytest.mark.parametrize("error", [ValueError(), KeyError("x")], ids=repr)
async def test_whatever_a_check_raises_is_a_failure_with_a_message(error: Exception) -> None:
    dependency = Dependency()
    dependency.error = error
    health = Health([Probe("postgres", dependency.check)], Told())

    await health.check()

    assert not health.serving
    assert health.outcomes[0].message


async def test_a_check_that_hangs_has_failed_after_its_timeout() -> None:
    health = Health([Probe("postgres", never, timeout_seconds=0.01)], Told())

    await health.check()

    assert health.outcomes[0].message == "no answer within 0.01 s"
    assert not health.serving


async def test_a_timeout_of_the_check_itself_is_told_in_its_own_words() -> None:
    dependency = Dependency()
    dependency.error = TimeoutError("pool exhausted")
    health = Health([Probe("postgres", dependency.check)], Told())

    await health.check()

    assert health.outcomes[0].message == "pool exhausted"


async def test_draining_is_for_good() -> None:
    told = Told()
    health = Health([], told)
    await health.check()

    await health.drain()
    await health.check()

    assert told.changes == [True, False]
    assert not health.serving


async def test_rounds_go_on_until_they_are_cancelled() -> None:
    dependency = Dependency()
    health = Health([Probe("postgres", dependency.check)], Told())
    watching = asyncio.create_task(health.watch(0.001))

    await eventually(lambda: dependency.checks > 3)

    watching.cancel()
    await asyncio.gather(watching, return_exceptions=True)
