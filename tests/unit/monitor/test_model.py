"""How the monitor judges what it sees."""

from dataclasses import replace

import pytest

from monitor_svc.known import KnownReplicas
from monitor_svc.model import (
    Answer,
    Capability,
    HealthStatus,
    ProbeResult,
    ReplicaStatus,
    ServiceHealth,
    SystemHealth,
    judge_system,
    transitions_between,
)

WELL = ReplicaStatus("dataset-svc", "h", 1, "0.1.0", 0.0, 10, 1.0, 0, 0, 0.0, (), (), True)
FAILING = ProbeResult("postgres", False, False, "refused", 0.0, 1.0)


def service(*statuses: ReplicaStatus | None, now: float = 0.0) -> ServiceHealth:
    answers = [
        Answer(f"a{number}", status, 1.0, "" if status else "silent")
        for number, status in enumerate(statuses)
    ]
    known = KnownReplicas("dataset-svc", 60.0)
    known.update(answers, now)
    return known.update(answers, now)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([WELL], HealthStatus.HEALTHY),
        ([WELL, WELL], HealthStatus.HEALTHY),
        ([WELL, None], HealthStatus.DEGRADED),
        ([WELL, replace(WELL, serving=False)], HealthStatus.DEGRADED),
        ([replace(WELL, degraded=("redis",))], HealthStatus.DEGRADED),
        ([replace(WELL, probes=(FAILING,))], HealthStatus.DEGRADED),
        ([replace(WELL, serving=False)], HealthStatus.UNHEALTHY),
        ([None], HealthStatus.UNHEALTHY),
        ([], HealthStatus.UNHEALTHY),
    ],
)
def test_a_service_is_as_well_as_its_replicas(
    statuses: list[ReplicaStatus | None], expected: HealthStatus
) -> None:
    assert service(*statuses).status is expected


def test_the_system_is_as_well_as_its_worst_service() -> None:
    assert judge_system([service(WELL)]) is HealthStatus.HEALTHY
    assert judge_system([service(WELL), service(WELL, None)]) is HealthStatus.DEGRADED
    assert judge_system([service(WELL, None), service(None)]) is HealthStatus.UNHEALTHY
    assert judge_system([]) is HealthStatus.UNHEALTHY


def test_only_changes_are_transitions() -> None:
    def system(*services: ServiceHealth) -> SystemHealth:
        capability = Capability("chat", "degraded", "The cache is away.", 0.0)
        return SystemHealth(1, judge_system(services), services, (), (), 5.0, 1.0, 0.0, (capability,))

    well = {
        "dataset-svc": HealthStatus.HEALTHY,
        "": HealthStatus.HEALTHY,
        "chat": HealthStatus.DEGRADED,
    }
    first = transitions_between({}, system(service(WELL)))
    same = transitions_between(well, system(service(WELL)))
    worse = transitions_between(well, system(service(None)))

    assert {each.service: each.new_status for each in first} == well
    assert {each.service: each.message for each in first}["chat"] == "The cache is away."
    assert same == []
    assert [each.message for each in worse] == [
        "dataset-svc: a0 does not answer.",
        "The system is unhealthy.",
    ]
