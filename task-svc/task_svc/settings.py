"""What task-svc and its workers can be told by their environment."""

from pathlib import Path
from typing import NamedTuple

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings
from task_svc.model import TaskKind


class S3Settings(NamedTuple):
    """Where a bucket is and who asks for it; None: as AWS's own tools find it."""

    endpoint_url: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None


class TaskSettings(ServiceSettings):
    """Settings of task-svc and of the worker."""

    listen: str = Field("0.0.0.0:50053", description="gRPC address: `host:port` or `unix:/path.sock`.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL, `postgresql://...`; unset: a SQLite file in the data directory."
    )
    broker_url: SecretStr | None = Field(
        None,
        description="Celery broker, `redis://...` or `amqp://...`; unset: the local pool does all work.",
    )
    artifacts_dir: Path | None = Field(
        None,
        description="Directory of the artefacts, which services and workers share; unset: in `data_dir`.",
    )
    artifacts_url: str | None = Field(
        None,
        description="Bucket of the artefacts, `s3://bucket/prefix`; unset: they are in their directory.",
    )
    s3_endpoint_url: str | None = Field(
        None, description="Server that speaks like S3, `https://...`; unset: AWS."
    )
    s3_access_key_id: str | None = Field(
        None, description="Access key of the bucket; unset: as AWS's own tools find theirs."
    )
    s3_secret_access_key: SecretStr | None = Field(None, description="Secret of the access key.")
    retention_days: float = Field(
        30.0, gt=0, description="Days that a task and its artefacts are kept after its end."
    )
    sweep_seconds: float = Field(
        3600.0, gt=0, description="Time between two searches for what is no longer kept, in seconds."
    )
    local_pool_processes: int = Field(2, ge=1, description="Most processes of the local pool.")
    local_pool_idle_seconds: float = Field(
        30.0, gt=0, description="Idle time after which a process of the pool ends, in seconds."
    )
    worker_processes: int = Field(2, ge=1, description="Processes of a Celery worker.")
    worker_queues: str = Field(
        "art,music,cymatic", description="Kinds that a worker makes, separated by commas."
    )
    art_limit_seconds: float = Field(300.0, gt=0, description="What a picture may take, in seconds.")
    music_limit_seconds: float = Field(600.0, gt=0, description="What a piece of music may take, in seconds.")
    cymatic_limit_seconds: float = Field(180.0, gt=0, description="What a pattern may take, in seconds.")
    max_queued: int = Field(10_000, gt=0, description="Tasks that may wait before new ones are refused.")
    max_queued_per_user: int = Field(
        1_000, gt=0, description="Tasks of one user that may wait; callers without a name count as one."
    )
    max_failures: int = Field(3, ge=1, description="Failures after which a task is given up.")
    max_attempts: int = Field(
        10, ge=1, description="Workers that may be lost over a task before it is given up."
    )
    retry_wait_seconds: float = Field(
        2.0, ge=0, description="Wait before a failed task is tried again; it doubles each time, in seconds."
    )
    beat_seconds: float = Field(
        1.0, gt=0, description="Longest silence of a running task, and so the time to notice a cancel."
    )
    progress_seconds: float = Field(
        0.25, gt=0, description="Shortest time between two progress reports of a task, in seconds."
    )
    silence_seconds: float = Field(
        15.0, gt=0, description="Silence after which a running task has lost its worker, in seconds."
    )
    reconcile_seconds: float = Field(
        3.0, gt=0, description="Time between two searches for lost tasks, in seconds."
    )
    ticket_seconds: float = Field(
        10.0, gt=0, description="Age at which a published task that nobody has may be published again."
    )
    relay_seconds: float = Field(
        1.0, gt=0, description="Longest time between two looks at the outbox, the broker and the workers."
    )
    worker_grace_seconds: float = Field(
        5.0, ge=0, description="Silence of all workers after which the local pool stands in, in seconds."
    )
    poll_seconds: float = Field(
        0.5, gt=0, description="Longest time to see what another replica changed, in seconds."
    )
    store_budget_ms: int = Field(1000, gt=0, description="What a call of the database may take, in ms.")
    store_connections: int = Field(8, ge=1, description="Most connections to PostgreSQL.")
    broker_budget_ms: int = Field(900, gt=0, description="What a call of the broker may take, in ms.")

    @property
    def artifacts_path(self) -> Path:
        """Directory of the artefacts."""
        return self.artifacts_dir or self.data_dir / "artifacts"

    @property
    def s3(self) -> S3Settings:
        """Where the bucket of the artefacts is."""
        return S3Settings(self.s3_endpoint_url, self.s3_access_key_id, self.s3_secret_access_key)

    @property
    def limits(self) -> dict[TaskKind, float]:
        """What an attempt may take, by kind, in seconds."""
        return {
            TaskKind.ART: self.art_limit_seconds,
            TaskKind.MUSIC: self.music_limit_seconds,
            TaskKind.CYMATIC: self.cymatic_limit_seconds,
        }
