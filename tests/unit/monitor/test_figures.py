"""Figures of the services, from what their replicas count."""

from dataclasses import replace

from monitor_svc.figures import Windows, readings_of
from monitor_svc.known import KnownReplicas
from monitor_svc.model import Answer, ReplicaStatus, Sample, ServiceHealth

BARE = ReplicaStatus("dataset-svc", "h", 1, "0.1.0", 0.0, 10, 1.0, 0, 0, 0.0, (), (), True)


def sample(name: str, value: float, **labels: str) -> Sample:
    return Sample(name, tuple(sorted(labels.items())), value)


def service(name: str, *statuses: ReplicaStatus) -> ServiceHealth:
    answers = [Answer(f"a{number}", status, 1.0) for number, status in enumerate(statuses)]
    return KnownReplicas(name, 60.0).update(answers, 0.0)


def figures(windows: Windows, now: float, *services: ServiceHealth) -> dict[tuple[str, str, str], float]:
    return {
        (each.service, each.figure, each.address): each.value
        for readings in readings_of(services, windows, now).values()
        for each in readings
    }


def test_counters_become_rates_over_the_last_minute() -> None:
    windows = Windows()
    for now, requests in ((0.0, 1000), (30.0, 1300), (60.0, 1600), (90.0, 2800)):
        status = replace(
            BARE,
            requests_total=requests,
            requests_failed=requests // 100,
            unary_total=requests,
            unary_seconds_total=requests * 0.004,
        )
        found = figures(windows, now, service("dataset-svc", status))

    assert found["dataset-svc", "requests_per_second", ""] == 25.0
    assert found["dataset-svc", "error_ratio", ""] == 0.01
    assert round(found["dataset-svc", "latency_ms", ""], 6) == 4.0


def test_few_requests_make_no_ratio() -> None:
    windows = Windows()
    figures(windows, 0.0, service("dataset-svc", BARE))
    found = figures(windows, 60.0, service("dataset-svc", replace(BARE, requests_total=3, requests_failed=3)))

    assert ("dataset-svc", "error_ratio", "") not in found
    assert found["dataset-svc", "requests_per_second", ""] == 0.05


def test_a_replica_that_started_anew_does_not_count_backwards() -> None:
    windows = Windows()
    figures(windows, 0.0, service("dataset-svc", replace(BARE, requests_total=1000)))
    found = figures(windows, 60.0, service("dataset-svc", replace(BARE, start_time=50.0, requests_total=10)))

    assert found.get(("dataset-svc", "requests_per_second", ""), 0.0) == 0.0


def test_the_gateway_is_measured_by_its_http_requests_and_the_chat() -> None:
    windows = Windows()
    for now, number in ((0.0, 0), (60.0, 300)):
        samples = (
            sample("mcai_http_requests_total", number, route="/api/chat", status="200"),
            sample("mcai_http_requests_total", number / 3, route="/api/chat", status="503"),
            sample("mcai_http_request_seconds_count", number, route="/api/chat"),
            sample("mcai_http_request_seconds_sum", number * 0.02, route="/api/chat"),
            sample("mcai_http_request_seconds_sum", number * 60, route="/api/tasks/{task_id}/events"),
        )
        status = replace(BARE, service="gateway", samples=samples)
        found = figures(windows, now, service("gateway", status))

    assert found["gateway", "error_ratio", ""] == 0.25
    assert found["gateway", "latency_ms", ""] == 20.0


def test_the_cache_is_measured_by_what_it_found() -> None:
    windows = Windows()
    for now, number in ((0.0, 0), (60.0, 100)):
        samples = (
            sample("mcai_knowledge_lookups_total", number, tier="miss"),
            sample("mcai_knowledge_lookups_total", 3 * number, tier="memory"),
        )
        status = replace(BARE, service="knowledge-svc", samples=samples)
        found = figures(windows, now, service("knowledge-svc", status))

    assert found["knowledge-svc", "cache_hit_ratio", ""] == 0.75


def test_a_replica_that_follows_late_lags_behind_the_newest() -> None:
    ahead = replace(BARE, samples=(sample("mcai_dataset_index_sequence", 120),))
    behind = replace(BARE, samples=(sample("mcai_dataset_index_sequence", 20),))
    cache = replace(BARE, service="knowledge-svc", samples=(sample("mcai_knowledge_bank_sequence", 100),))

    found = figures(Windows(), 0.0, service("dataset-svc", ahead, behind), service("knowledge-svc", cache))

    assert {key: value for key, value in found.items() if key[1] == "lag_changes"} == {
        ("dataset-svc", "lag_changes", "a0"): 0.0,
        ("dataset-svc", "lag_changes", "a1"): 100.0,
        ("knowledge-svc", "lag_changes", "a0"): 20.0,
    }


def test_replicas_that_count_the_same_queue_are_not_added_up() -> None:
    status = replace(
        BARE,
        service="task-svc",
        samples=(
            sample("mcai_tasks", 4, kind="art", state="queued"),
            sample("mcai_tasks", 3, kind="music", state="queued"),
            sample("mcai_tasks", 9, kind="art", state="succeeded"),
        ),
    )

    found = figures(Windows(), 0.0, service("task-svc", status, status))

    assert found["task-svc", "queue_depth", ""] == 7


def test_a_shared_journal_belongs_to_the_one_whose_name_it_bears() -> None:
    samples = (
        sample("mcai_journal_pending", 5, journal="gateway"),
        sample("mcai_journal_pending", 2, journal="t"),
    )

    found = figures(
        Windows(),
        0.0,
        service("gateway", replace(BARE, service="gateway", samples=samples)),
        service("task-svc", replace(BARE, service="task-svc", samples=samples)),
    )

    assert found["gateway", "journal_pending", ""] == 5
    assert found["task-svc", "journal_pending", ""] == 2


def test_a_process_that_services_share_is_told_once() -> None:
    status = replace(BARE, disk_total_bytes=100, disk_free_bytes=25)

    found = figures(Windows(), 0.0, service("gateway", status), service("dataset-svc", status))

    assert found["gateway", "disk_free_ratio", "a0"] == 0.25
    assert ("dataset-svc", "resident_bytes", "a0") not in found
