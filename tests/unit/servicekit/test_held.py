"""What a process holds towards others is told as it is when somebody looks."""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from servicekit.breaker import Breaker, State
from servicekit.held import HeldMetrics
from servicekit.metrics import BuildInfo, shared


@dataclass
class SteadyPool:
    size: int = 4
    lent: int = 0
    waiting: int = 0


def test_a_pool_is_read_when_it_is_asked_for() -> None:
    registry, pool = CollectorRegistry(), SteadyPool()
    shared(registry, HeldMetrics).watch_pool("postgres", pool)
    pool.lent, pool.waiting = 4, 2

    def connections(state: str) -> float | None:
        return registry.get_sample_value("mcai_pool_connections", {"pool": "postgres", "state": state})

    assert (connections("most"), connections("lent")) == (4.0, 4.0)
    assert registry.get_sample_value("mcai_pool_waiting", {"pool": "postgres"}) == 2.0


def test_a_breaker_is_returned_and_told_by_its_name() -> None:
    registry = CollectorRegistry()
    breaker = Breaker("redis", budget_seconds=1.0, reset_seconds=0.5)

    assert shared(registry, HeldMetrics).watch_breaker(breaker) is breaker
    assert registry.get_sample_value("mcai_breaker_state", {"dependency": "redis"}) == 0.0


def test_of_two_breakers_towards_one_dependency_the_worst_is_told() -> None:
    registry = CollectorRegistry()
    held = shared(registry, HeldMetrics)
    broken, whole = (
        held.watch_breaker(Breaker("dataset-svc", budget_seconds=1.0, reset_seconds=60.0)) for _ in range(2)
    )
    broken.trip()

    assert whole.state is State.CLOSED
    assert registry.get_sample_value("mcai_breaker_state", {"dependency": "dataset-svc"}) == 2.0


def test_the_version_is_a_label_of_a_one() -> None:
    registry = CollectorRegistry()
    shared(registry, BuildInfo).tell("task-svc", "1.2.3")

    (metric,) = registry.collect()
    (sample,) = metric.samples
    assert (sample.name, sample.value) == ("mcai_build_info", 1.0)
    assert sample.labels["service"] == "task-svc"
    assert sample.labels["version"] == "1.2.3"
