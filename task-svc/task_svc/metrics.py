"""What task-svc counts; labels are bounded by the kinds and by the words used here."""

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from task_svc.model import Backlog, TaskKind, TaskState

# From a small picture to the longest piece of music, in seconds.
_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 180.0, 600.0)


class TaskMetrics:
    """The metrics of one process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.submitted = Counter(
            "mcai_tasks_submitted_total",
            "Tasks that were accepted, by how they were stored.",
            ("kind", "durability"),
            registry=registry,
        )
        self.attempts = Counter(
            "mcai_task_attempts_total",
            "Attempts that ended in this process: succeeded, failed, or lost to a cancellation.",
            ("kind", "outcome"),
            registry=registry,
        )
        self.attempt_seconds = Histogram(
            "mcai_task_attempt_seconds",
            "Time of an attempt from its claim to its end, in seconds.",
            ("kind",),
            registry=registry,
            buckets=_BUCKETS,
        )
        self.published = Counter(
            "mcai_task_tickets_published_total", "Tickets that were handed to the broker.", registry=registry
        )
        self.reclaimed = Counter(
            "mcai_tasks_reclaimed_total", "Running tasks whose worker had fallen silent.", registry=registry
        )
        self.tasks = Gauge(
            "mcai_tasks", "Tasks in the store, as last counted.", ("kind", "state"), registry=registry
        )

        self._outbox = Gauge(
            "mcai_task_outbox_tickets",
            "Tickets in the outbox that are due to be published, as last counted.",
            registry=registry,
        )
        self._oldest = Gauge(
            "mcai_task_oldest_queued_seconds",
            "How long the oldest task that is due has waited, as last looked, in seconds; 0: none waits.",
            registry=registry,
        )

    def wait(self, backlog: Backlog) -> None:
        """Takes over what waits."""
        self._outbox.set(backlog.tickets)
        self._oldest.set(backlog.oldest_seconds)

    def count(self, counts: Mapping[tuple[TaskKind, TaskState], int]) -> None:
        """Takes over a fresh count; what it does not name is zero."""
        for kind in TaskKind:
            for state in TaskState:
                self.tasks.labels(kind.value, state.value).set(counts.get((kind, state), 0))
