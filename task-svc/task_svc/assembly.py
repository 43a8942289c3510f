"""Parts that the service and the workers put together alike."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from servicekit.breaker import Breaker
from servicekit.held import HeldMetrics
from servicekit.metrics import shared
from task_svc.artifacts import local_artifacts
from task_svc.attempts import Attempts, Pace, RetryPolicy
from task_svc.metrics import TaskMetrics
from task_svc.ports import ArtifactStore, Claims, Generator, TaskStore
from task_svc.settings import TaskSettings


def postgres_store(
    settings: TaskSettings,
    url: SecretStr,
    announce: Callable[[str], None],
    connections: int,
    registry: CollectorRegistry,
) -> TaskStore:
    """Returns the store in PostgreSQL; it connects at its first call."""
    # psycopg takes 60 ms and 10 MB to import, which the embedded system saves.
    from task_svc.postgres import PostgresTaskStore  # noqa: PLC0415
    from task_svc.postgres_database import PostgresDatabase  # noqa: PLC0415

    held = shared(registry, HeldMetrics)
    budget_seconds = settings.store_budget_ms / 1000
    breaker = held.watch_breaker(Breaker("postgres", budget_seconds=budget_seconds, reset_seconds=0.5))
    database = PostgresDatabase(url, breaker, connections)
    held.watch_pool("postgres", database.pool)
    return PostgresTaskStore(database, announce)


def artifact_store(settings: TaskSettings) -> ArtifactStore:
    """Returns where the artefacts are; raises ConfigurationError when that cannot be."""
    if settings.artifacts_url is None:
        return local_artifacts(settings.artifacts_path)
    # s3fs is not installed everywhere, and heavy.
    from task_svc.s3_artifacts import s3_artifacts  # noqa: PLC0415

    return s3_artifacts(settings.artifacts_url, settings.artifacts_path, settings.s3)


def retry_policy(settings: TaskSettings, jitter: Callable[[], float]) -> RetryPolicy:
    """Returns when a failed task is tried again."""
    return RetryPolicy(settings.max_failures, settings.max_attempts, settings.retry_wait_seconds, jitter)


def attempts(
    settings: TaskSettings,
    claims: Claims,
    artifacts: ArtifactStore,
    generator: Generator,
    retry: RetryPolicy,
    metrics: TaskMetrics,
    clock: Callable[[], float],
) -> Attempts:
    """Returns what carries claimed tasks out."""
    pace = Pace(settings.beat_seconds, settings.progress_seconds, settings.limits)
    return Attempts(claims, artifacts, generator, retry, pace, metrics, clock)
