"""Bodies of tasks, and of jobs as older clients know them."""

from typing import Annotated, Literal
from urllib.parse import quote

import msgspec

from gateway.schemas.bank import JsonObject, no_metadata, raw_object
from gateway.schemas.chat import Name
from gateway.schemas.times import rfc3339
from mcai.task.v1 import task_pb2

KINDS = {
    "art": task_pb2.TASK_KIND_ART,
    "music": task_pb2.TASK_KIND_MUSIC,
    "cymatic": task_pb2.TASK_KIND_CYMATIC,
}
STATES = {
    "queued": task_pb2.TASK_STATE_QUEUED,
    "running": task_pb2.TASK_STATE_RUNNING,
    "succeeded": task_pb2.TASK_STATE_SUCCEEDED,
    "failed": task_pb2.TASK_STATE_FAILED,
    "cancelled": task_pb2.TASK_STATE_CANCELLED,
}
_KIND_NAMES = {value: name for name, value in KINDS.items()}
_STATE_NAMES = {value: name for name, value in STATES.items()}
_JOB_STATUSES = {
    task_pb2.TASK_STATE_QUEUED: "queued",
    task_pb2.TASK_STATE_RUNNING: "processing",
    task_pb2.TASK_STATE_SUCCEEDED: "completed",
    task_pb2.TASK_STATE_FAILED: "failed",
    task_pb2.TASK_STATE_CANCELLED: "failed",
}

Kind = Literal["art", "music", "cymatic"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


class NewTask(msgspec.Struct):
    """Work to do; `priority` 1 to 9, the larger first, 5 unless given."""

    kind: Kind
    parameters: JsonObject = msgspec.field(default_factory=no_metadata)
    user_id: Name | None = None
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] = 0


class CymaticParameters(msgspec.Struct):
    """What a cymatic pattern is made of; task-svc knows them all and refuses what it does not."""

    frequency_hz: float = 432.0


class ArtifactBody(msgspec.Struct):
    """A file that a task made."""

    name: str
    media_type: str
    size_bytes: int
    sha256: str
    url: str


class TaskBody(msgspec.Struct):
    """A task."""

    id: str
    kind: str
    user_id: str
    parameters: JsonObject
    state: str
    progress_percent: float
    stage: str
    error: str
    artifacts: list[ArtifactBody]
    result: JsonObject
    priority: int
    position: int
    attempts: int
    revision: int
    create_time: str | None
    update_time: str | None
    start_time: str | None
    end_time: str | None


class TaskPage(msgspec.Struct):
    """A page of tasks, newest first."""

    tasks: list[TaskBody]
    next_page_token: str


class JobBody(msgspec.Struct, omit_defaults=True):
    """A task as older clients know it: queued, processing, completed or failed."""

    job_id: str
    status: str
    poll_url: str
    progress: float | None = None
    position: int | None = None
    result: dict[str, msgspec.Raw] | None = None
    error: str | None = None


class SubmittedTask(msgspec.Struct):
    """An accepted task, in both shapes."""

    job_id: str
    status: str
    poll_url: str
    durability: str
    task: TaskBody


def task_body(task: task_pb2.Task) -> TaskBody:
    """Returns a task for a client."""
    return TaskBody(
        id=task.id,
        kind=_KIND_NAMES.get(task.kind, ""),
        user_id=task.user_id,
        parameters=raw_object(task.parameters_json),
        state=_STATE_NAMES.get(task.state, ""),
        progress_percent=task.progress_percent,
        stage=task.stage,
        error=task.error,
        artifacts=[_artifact(task.id, each) for each in task.artifacts],
        result=raw_object(task.result_json),
        priority=task.priority,
        position=task.position,
        attempts=task.attempts,
        revision=task.revision,
        create_time=rfc3339(task, "create_time"),
        update_time=rfc3339(task, "update_time"),
        start_time=rfc3339(task, "start_time"),
        end_time=rfc3339(task, "end_time"),
    )


def job_body(task: task_pb2.Task) -> JobBody:
    """Returns a task for an older client."""
    job = JobBody(task.id, _JOB_STATUSES.get(task.state, "queued"), f"/api/job/{task.id}")
    if task.state == task_pb2.TASK_STATE_SUCCEEDED:
        artifacts = [_artifact(task.id, each) for each in task.artifacts]
        job.result = {
            "artifacts": msgspec.Raw(msgspec.json.encode(artifacts)),
            "analysis": raw_object(task.result_json),
        }
    elif task.state == task_pb2.TASK_STATE_RUNNING:
        job.progress = task.progress_percent
    elif task.state == task_pb2.TASK_STATE_QUEUED:
        job.position = task.position
    else:
        job.error = task.error or "The task was cancelled."
    return job


def is_over(task: task_pb2.Task) -> bool:
    """Says whether a task has reached its last state."""
    return task.state not in {task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING}


def _artifact(task_id: str, artifact: task_pb2.Artifact) -> ArtifactBody:
    return ArtifactBody(
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        url=f"/api/tasks/{quote(task_id, safe='')}/artifacts/{quote(artifact.name, safe='')}",
    )
