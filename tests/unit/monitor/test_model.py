"""How the monitor judges what it sees."""

from dataclasses import replace

import pytest

from monitor_svc.model import (
    Answer,
    HealthStatus,
    KnownReplicas,
    ProbeResult,
    ReplicaStatus,
    ServiceHealth,
    SystemHealth,
    Thresholds,
    judge_system,
    transitions_between,
    warnings_of,
)

WELL = ReplicaStatus("dataset-svc", "h", 1, "0.1.0", 0.0, 10, 1.0, 0, 0, 0.0, (), (), True)
FAILING = ProbeResult("postgres", False, False, "refused", 0.0, 1.0)


def service(*statuses: ReplicaStatus | None, now: float = 0.0) -> ServiceHealth:
    answers = [
        Answer(f"a{number}", status, 1.0, "" if status else "silent")
        for number, status in enumerate(statuses)
    ]
    return KnownReplicas("dataset-svc", 300.0).update(answers, now)


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


def test_a_silent_replica_keeps_its_last_status_and_the_time_it_was_seen() -> None:
    known = KnownReplicas("dataset-svc", 300.0)
    known.update([Answer("a", WELL, 1.0)], 10.0)

    (replica,) = known.update([Answer("a", None, 0.0, "refused")], 20.0).replicas

    assert (replica.reachable, replica.last_status, replica.last_seen_time, replica.message) == (
        False,
        WELL,
        10.0,
        "refused",
    )


def test_a_replica_that_dns_no_longer_names_is_forgotten_after_a_while() -> None:
    known = KnownReplicas("dataset-svc", 300.0)
    known.update([Answer("a", WELL, 1.0), Answer("b", WELL, 1.0)], 0.0)

    soon = known.update([Answer("a", WELL, 1.0)], 300.0)
    later = known.update([Answer("a", WELL, 1.0)], 301.0)

    assert [(each.address, each.reachable) for each in soon.replicas] == [("a", True), ("b", False)]
    assert [each.address for each in later.replicas] == ["a"]
    assert (soon.status, later.status) == (HealthStatus.DEGRADED, HealthStatus.HEALTHY)


def test_the_system_is_as_well_as_its_worst_service() -> None:
    assert judge_system([service(WELL)]) is HealthStatus.HEALTHY
    assert judge_system([service(WELL), service(WELL, None)]) is HealthStatus.DEGRADED
    assert judge_system([service(WELL, None), service(None)]) is HealthStatus.UNHEALTHY
    assert judge_system([]) is HealthStatus.UNHEALTHY


def test_a_process_that_services_share_warns_once() -> None:
    heavy = service(replace(WELL, resident_bytes=600 * 2**20, cpu_percent=95.0))

    warnings = warnings_of([heavy, heavy], Thresholds(500 * 2**20, 80.0))

    assert warnings == (
        "dataset-svc at a0 uses 600 MB of memory, above 500 MB.",
        "dataset-svc at a0 uses 95 % CPU, above 80 %.",
    )


def test_only_changes_are_transitions() -> None:
    def system(*services: ServiceHealth) -> SystemHealth:
        return SystemHealth(1, judge_system(services), services, (), (), 5.0, 1.0)

    first = transitions_between(None, system(service(WELL)))
    same = transitions_between(system(service(WELL)), system(service(WELL)))
    worse = transitions_between(system(service(WELL)), system(service(None)))

    assert [(each.service, each.new_status) for each in first] == [
        ("dataset-svc", HealthStatus.HEALTHY),
        ("", HealthStatus.HEALTHY),
    ]
    assert same == []
    assert [each.message for each in worse] == [
        "dataset-svc: a0 does not answer.",
        "The system is unhealthy.",
    ]
