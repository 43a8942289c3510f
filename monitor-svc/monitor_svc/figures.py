"""Figures of the services, worked out from what their replicas count: rates, ratios, depths and lags.

Counters become rates over the last minute. A process that several services share, as in embedded mode, tells
its memory, CPU and disk under the first of them only.
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from monitor_svc.model import Reading, ReplicaStatus, Sample, ServiceHealth

WINDOW_SECONDS: Final = 60.0
MIN_REQUESTS: Final = 20
"""Fewer than these in a window say nothing about a ratio."""

_CHAT_ROUTE: Final = "/api/chat"
_GATEWAY_JOURNAL: Final = ("journal", "gateway")
_SERVER_FAULT: Final = "5"

SAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "gateway": (
        "mcai_http_requests_total",
        "mcai_http_request_seconds_sum",
        "mcai_http_request_seconds_count",
        "mcai_journal_pending",
    ),
    "knowledge-svc": ("mcai_knowledge_lookups_total", "mcai_knowledge_bank_sequence"),
    "dataset-svc": ("mcai_dataset_index_sequence", "mcai_journal_pending"),
    "task-svc": ("mcai_tasks", "mcai_task_oldest_queued_seconds", "mcai_journal_pending"),
}
"""The samples that each service is asked for, by service."""


@dataclass(frozen=True, slots=True)
class Counters:
    """What a replica has counted since its start; seconds are the handling time of the timed requests."""

    requests: float
    failed: float
    timed: float
    seconds: float
    lookups: float
    hits: float


def counters_of(status: ReplicaStatus) -> Counters:
    """The counters in a replica's status; the gateway's are those of HTTP, its latency that of the chat."""
    if status.service == "gateway":
        return Counters(
            requests=_sum(status, "mcai_http_requests_total"),
            failed=sum(
                each.value
                for each in _named(status, "mcai_http_requests_total")
                if dict(each.labels).get("status", "").startswith(_SERVER_FAULT)
            ),
            timed=_sum(status, "mcai_http_request_seconds_count", ("route", _CHAT_ROUTE)),
            seconds=_sum(status, "mcai_http_request_seconds_sum", ("route", _CHAT_ROUTE)),
            lookups=0,
            hits=0,
        )
    lookups = _sum(status, "mcai_knowledge_lookups_total")
    return Counters(
        requests=status.requests_total,
        failed=status.requests_failed,
        timed=status.unary_total,
        seconds=status.unary_seconds_total,
        lookups=lookups,
        hits=lookups - _sum(status, "mcai_knowledge_lookups_total", ("tier", "miss")),
    )


@dataclass(slots=True)
class Windows:
    """The counters of each replica over the last minute; a replica that started anew begins anew."""

    _marks: dict[tuple[str, str], deque[tuple[float, float, Counters]]] = field(default_factory=dict)

    def growth(self, service: ServiceHealth, now: float) -> tuple[Counters, float]:
        """How much the counters of a service's replicas grew, and in how many seconds."""
        grown, seconds = [0.0] * 6, 0.0
        present = set()
        for replica in service.replicas:
            if not replica.reachable or replica.last_status is None:
                continue
            key = (service.name, replica.address)
            present.add(key)
            (then, _, before), (_, _, after) = self._marked(key, replica.last_status, now)
            seconds = max(seconds, now - then)
            for number, (old, new) in enumerate(zip(_values(before), _values(after), strict=True)):
                grown[number] += new - old
        for key in [each for each in self._marks if each[0] == service.name and each not in present]:
            del self._marks[key]
        return Counters(*grown), seconds

    def _marked(
        self, key: tuple[str, str], status: ReplicaStatus, now: float
    ) -> tuple[tuple[float, float, Counters], tuple[float, float, Counters]]:
        marks = self._marks.setdefault(key, deque())
        if marks and marks[-1][1] != status.start_time:
            marks.clear()
        marks.append((now, status.start_time, counters_of(status)))
        while len(marks) > 1 and marks[1][0] <= now - WINDOW_SECONDS:
            marks.popleft()
        return marks[0], marks[-1]


def readings_of(
    services: Sequence[ServiceHealth], windows: Windows, now: float
) -> dict[str, tuple[Reading, ...]]:
    """The figures of each service in this round, by service."""
    newest = max(
        (_sum(status, "mcai_dataset_index_sequence") for status in _statuses(services, "dataset-svc")),
        default=0,
    )
    told: set[tuple[str, int]] = set()
    return {
        service.name: (
            *_of_service(service, *windows.growth(service, now)),
            *_of_replicas(service, newest, told),
        )
        for service in services
    }


def _of_service(service: ServiceHealth, grown: Counters, seconds: float) -> Iterator[Reading]:
    name = service.name
    statuses = [each.last_status for each in service.replicas if each.reachable and each.last_status]
    yield Reading(name, "replicas_serving", float(sum(each.serves for each in service.replicas)))
    if seconds > 0:
        yield Reading(name, "requests_per_second", grown.requests / seconds)
    if grown.requests >= MIN_REQUESTS:
        yield Reading(name, "error_ratio", grown.failed / grown.requests)
    if grown.timed >= MIN_REQUESTS:
        yield Reading(name, "latency_ms", 1000 * grown.seconds / grown.timed)
    if grown.lookups >= MIN_REQUESTS:
        yield Reading(name, "cache_hit_ratio", grown.hits / grown.lookups)
    journals = [each for status in statuses for each in _named(status, "mcai_journal_pending")]
    if journals:
        ours = name == "gateway"
        yield Reading(
            name,
            "journal_pending",
            sum(each.value for each in journals if (_GATEWAY_JOURNAL in each.labels) is ours),
        )
    if name == "task-svc" and statuses:
        # Every replica counts the same table.
        queued = (_sum(status, "mcai_tasks", ("state", "queued")) for status in statuses)
        yield Reading(name, "queue_depth", max(queued))
        oldest = (_sum(status, "mcai_task_oldest_queued_seconds") for status in statuses)
        yield Reading(name, "queue_age_seconds", max(oldest))


def _of_replicas(service: ServiceHealth, newest: float, told: set[tuple[str, int]]) -> Iterator[Reading]:
    for replica in service.replicas:
        status = replica.last_status
        if not replica.reachable or status is None:
            continue
        if service.name in {"dataset-svc", "knowledge-svc"}:
            followed = max(
                _sum(status, "mcai_dataset_index_sequence"), _sum(status, "mcai_knowledge_bank_sequence")
            )
            yield Reading(service.name, "lag_changes", max(0.0, newest - followed), replica.address)
        if (status.hostname, status.pid) in told:
            continue
        told.add((status.hostname, status.pid))
        yield Reading(service.name, "resident_bytes", float(status.resident_bytes), replica.address)
        yield Reading(service.name, "cpu_percent", status.cpu_percent, replica.address)
        if status.disk_total_bytes:
            free = status.disk_free_bytes / status.disk_total_bytes
            yield Reading(service.name, "disk_free_ratio", free, replica.address)


def _statuses(services: Sequence[ServiceHealth], name: str) -> Iterator[ReplicaStatus]:
    for service in services:
        for replica in service.replicas:
            if service.name == name and replica.reachable and replica.last_status is not None:
                yield replica.last_status


def _named(status: ReplicaStatus, name: str) -> Iterator[Sample]:
    return (each for each in status.samples if each.name == name)


def _sum(status: ReplicaStatus, name: str, label: tuple[str, str] | None = None) -> float:
    return sum(each.value for each in _named(status, name) if label is None or label in each.labels)


def _values(counters: Counters) -> tuple[float, ...]:
    return (
        counters.requests,
        counters.failed,
        counters.timed,
        counters.seconds,
        counters.lookups,
        counters.hits,
    )
