import asyncio

from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from servicekit import degrade
from servicekit.degrade import Degradation, DegradationMetrics
from servicekit.metrics import shared


def sample(registry: CollectorRegistry, name: str) -> float | None:
    return registry.get_sample_value(name, {"dependency": "redis"})


def test_only_the_transition_is_a_warning_and_every_answer_counts() -> None:
    registry = CollectorRegistry()
    degradation = Degradation("redis", registry)

    with capture_logs() as lines:
        degradation.degrade(ConnectionError("refused"))
        degradation.degrade(ConnectionError("refused"))
        degradation.recover()
        degradation.recover()
        degradation.degrade()

    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("degraded", "warning"),
        ("recovered", "info"),
        ("degraded", "warning"),
    ]
    assert lines[0]["error"] == "refused"
    assert sample(registry, "mcai_degraded_answers_total") == 3
    assert sample(registry, "mcai_degraded") == 1


def test_several_degradations_share_the_metric_of_a_registry() -> None:
    registry = CollectorRegistry()
    cache, limits = Degradation("redis", registry), Degradation("redis", registry)

    cache.degrade()
    limits.degrade()
    cache.recover()

    assert (cache.active, limits.active) == (False, True)
    assert sample(registry, "mcai_degraded") == 1
    assert shared(registry, DegradationMetrics).names() == {"redis"}
    limits.recover()
    assert shared(registry, DegradationMetrics).names() == frozenset()


def test_registries_are_apart() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()

    Degradation("redis", one).degrade()

    assert shared(other, DegradationMetrics).names() == frozenset()


def test_a_request_gathers_what_it_was_made_without() -> None:
    degradation = Degradation("redis", CollectorRegistry())

    with degrade.collecting() as outer:
        with degrade.collecting() as inner:
            degradation.degrade()
            assert degrade.current() == {"redis"}
        assert inner == {"redis"}
        degrade.note(["postgres"])

    assert outer == {"redis", "postgres"}
    assert degrade.current() == frozenset()


def test_outside_of_a_request_nothing_is_gathered() -> None:
    degrade.note(["redis"])

    assert degrade.current() == frozenset()


async def test_tasks_add_to_the_set_of_the_request_that_started_them() -> None:
    degradation = Degradation("redis", CollectorRegistry())

    async def part() -> None:
        degradation.degrade()

    with degrade.collecting() as names:
        await asyncio.gather(part(), part())

    assert names == {"redis"}


async def test_requests_do_not_see_each_other() -> None:
    async def request(name: str, ready: asyncio.Event, go: asyncio.Event) -> set[str]:
        with degrade.collecting() as names:
            ready.set()
            await go.wait()
            degrade.note([name])
            return names

    readies, go = [asyncio.Event(), asyncio.Event()], asyncio.Event()
    tasks = [
        asyncio.create_task(request(name, ready, go))
        for name, ready in zip(["redis", "llm"], readies, strict=True)
    ]
    for ready in readies:
        await ready.wait()
    go.set()

    assert await asyncio.gather(*tasks) == [{"redis"}, {"llm"}]
