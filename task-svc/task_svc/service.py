"""What task-svc does, in words of tasks: one method per RPC."""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from servicekit import tracing
from servicekit.errors import InvalidArgument
from servicekit.pages import Scalar, clamp_page_size, decode_token, encode_token
from task_svc.errors import ArtifactNotFound
from task_svc.metrics import TaskMetrics
from task_svc.model import (
    DEFAULT_PRIORITY,
    MAX_PRIORITY,
    MAX_REQUEST_ID_CHARACTERS,
    MAX_USER_ID_CHARACTERS,
    Admission,
    Artifact,
    Submission,
    Task,
    TaskFilter,
    TaskKind,
    TaskState,
    body_hash,
    task_id_of_request,
)
from task_svc.parameters import canonical_json, completed, normalised_json, storable
from task_svc.ports import ArtifactStore, Dispatch, Tasks
from task_svc.watching import Watcher

_PAGE_DEFAULT: Final = 50
_PAGE_MOST: Final = 500


@dataclass(frozen=True, slots=True)
class Order:
    """What a caller asks to be made."""

    kind: TaskKind
    user_id: str
    parameters_json: str
    priority: int
    request_id: str


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts by kind and state, and who carries tasks out."""

    counts: Mapping[tuple[TaskKind, TaskState], int]
    runner: str
    journalled: int


class TaskService:
    """The use cases.

    Args:
        tasks: The store, with its fallback.
        artifacts: Bytes of the artefacts.
        dispatch: Who carries tasks out.
        watcher: Follows changes.
        admission: Most tasks that may wait.
        new_id: Gives time-ordered ids.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        tasks: Tasks,
        artifacts: ArtifactStore,
        dispatch: Dispatch,
        watcher: Watcher,
        admission: Admission,
        metrics: TaskMetrics,
        new_id: Callable[[], str],
        clock: Callable[[], float],
    ) -> None:
        self._tasks = tasks
        self._artifacts = artifacts
        self._dispatch = dispatch
        self._watcher = watcher
        self._admission = admission
        self._metrics = metrics
        self._new_id = new_id
        self._clock = clock

    async def submit(self, order: Order) -> Submission:
        """Keep a task durably and have it carried out; the same request gives the same task.

        Raises InvalidParameters, RequestConflict and QueueFull.
        """
        _check_text("user_id", order.user_id, MAX_USER_ID_CHARACTERS)
        _check_text("request_id", order.request_id, MAX_REQUEST_ID_CHARACTERS)
        if not 0 <= order.priority <= MAX_PRIORITY:
            raise InvalidArgument("priority must be from 0 to 9.", metadata={"field": "priority"})
        submission = await self._tasks.submit(self._task(order), self._admission)
        self._dispatch.submitted()
        if submission.created:
            self._metrics.submitted.labels(order.kind.value, submission.durability.value).inc()
        return submission

    async def get(self, task_id: str) -> Task:
        """The task; raises TaskNotFound."""
        _check_id(task_id)
        return await self._tasks.get(task_id)

    async def newest(self, which: TaskFilter, page_size: int, page_token: str) -> tuple[list[Task], str]:
        """A page of tasks, newest first, and the token of the next one."""
        _check_text("user_id", which.user_id, MAX_USER_ID_CHARACTERS)
        limit = clamp_page_size(page_size, _PAGE_DEFAULT, _PAGE_MOST)
        tasks = await self._tasks.newest(which, _position(decode_token(page_token)), limit + 1)
        if len(tasks) <= limit:
            return tasks, ""
        last = tasks[limit - 1]
        return tasks[:limit], encode_token({"t": last.create_time, "i": last.id})

    def watch(self, task_id: str, after_revision: int) -> AsyncIterator[Task]:
        """The task each time that it has changed, up to its terminal state; raises TaskNotFound."""
        _check_id(task_id)
        return self._watcher.follow(task_id, after_revision)

    async def cancel(self, task_id: str) -> Task:
        """The task, CANCELLED unless it had ended, its work stopped; raises TaskNotFound."""
        _check_id(task_id)
        task, was_running = await self._tasks.cancel(task_id, self._clock())
        if was_running:
            await self._dispatch.stop(task_id)
        return task

    async def download(
        self, task_id: str, name: str, offset: int, length: int
    ) -> tuple[Artifact, AsyncIterator[bytes]]:
        """An artefact and a range of its bytes; raises TaskNotFound, ArtifactNotFound, ArtifactCorrupt."""
        task = await self.get(task_id)
        artifact = next((each for each in task.artifacts if each.name == name), None)
        if artifact is None:
            raise ArtifactNotFound(f"The task has no artefact {name!r}.")
        if offset < 0 or length < 0 or offset > artifact.size_bytes:
            raise InvalidArgument(
                f"The range must lie within the {artifact.size_bytes} bytes.", metadata={"field": "offset"}
            )
        return artifact, self._artifacts.read(artifact, offset, length)

    async def stats(self) -> Stats:
        """Counts, without the zeros."""
        return Stats(await self._tasks.counts(), self._dispatch.runner, self._tasks.journalled)

    def _task(self, order: Order) -> Task:
        priority = order.priority or DEFAULT_PRIORITY
        parameters = completed(order.kind, order.parameters_json)
        now, trace = self._clock(), tracing.current()
        return Task(
            id=task_id_of_request(order.user_id, order.request_id) if order.request_id else self._new_id(),
            kind=order.kind,
            user_id=order.user_id,
            parameters_json=canonical_json(parameters),
            priority=priority,
            create_time=now,
            update_time=now,
            body_hash=body_hash(order.kind, normalised_json(order.parameters_json), priority),
            traceparent="" if trace is None else trace.header(),
        )


def _position(token: Mapping[str, Scalar]) -> tuple[float, str] | None:
    if not token:
        return None
    time, task_id = token.get("t"), token.get("i")
    if not isinstance(time, int | float) or not isinstance(task_id, str):
        raise InvalidArgument("page_token is of another list.", metadata={"field": "page_token"})
    return float(time), task_id


def _check_text(field: str, text: str, most: int) -> None:
    if len(text) > most or not storable(text):
        raise InvalidArgument(
            f"{field} must have at most {most} characters, without NUL.", metadata={"field": field}
        )


def _check_id(task_id: str) -> None:
    if not task_id:
        raise InvalidArgument("task_id is missing.", metadata={"field": "task_id"})
    _check_text("task_id", task_id, MAX_REQUEST_ID_CHARACTERS)
