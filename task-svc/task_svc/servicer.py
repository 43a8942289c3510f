"""mcai.task.v1.TaskService: translates between messages and the service, and decides nothing."""

from collections.abc import AsyncIterator
from typing import Any, Final

from google.protobuf.timestamp_pb2 import Timestamp

from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit.errors import InvalidArgument
from task_svc.model import Artifact, Durability, Task, TaskFilter, TaskKind, TaskState
from task_svc.service import Order, TaskService

_KINDS: Final = {getattr(task_pb2, f"TASK_KIND_{kind.name}"): kind for kind in TaskKind}
_STATES: Final = {getattr(task_pb2, f"TASK_STATE_{state.name}"): state for state in TaskState}
_KIND_NUMBERS: Final = {kind: number for number, kind in _KINDS.items()}
_STATE_NUMBERS: Final = {state: number for number, state in _STATES.items()}
_DURABILITIES: Final = {
    Durability.COMMITTED: task_pb2.DURABILITY_COMMITTED,
    Durability.JOURNALLED: task_pb2.DURABILITY_JOURNALLED,
}


class TaskServicer(task_pb2_grpc.TaskServiceServicer):
    """One method per RPC; errors are mapped by servicekit."""

    def __init__(self, service: TaskService) -> None:
        self._service = service

    async def SubmitTask(
        self, request: task_pb2.SubmitTaskRequest, context: Any
    ) -> task_pb2.SubmitTaskResponse:
        """Store a task durably and answer at once."""
        order = Order(
            _kind(request.kind),
            request.user_id,
            request.parameters_json,
            request.priority,
            request.request_id,
        )
        submission = await self._service.submit(order)
        return task_pb2.SubmitTaskResponse(
            task=_message(submission.task), durability=_DURABILITIES[submission.durability]
        )

    async def GetTask(self, request: task_pb2.GetTaskRequest, context: Any) -> task_pb2.GetTaskResponse:
        """Answer a task's present state."""
        return task_pb2.GetTaskResponse(task=_message(await self._service.get(request.task_id)))

    async def ListTasks(self, request: task_pb2.ListTasksRequest, context: Any) -> task_pb2.ListTasksResponse:
        """Page through tasks, newest first."""
        which = TaskFilter(
            request.user_id,
            _state(request.state) if request.state else None,
            _kind(request.kind) if request.kind else None,
        )
        tasks, token = await self._service.newest(which, request.page_size, request.page_token)
        return task_pb2.ListTasksResponse(tasks=[_message(task) for task in tasks], next_page_token=token)

    async def WatchTask(
        self,
        request: task_pb2.WatchTaskRequest,
        context: Any,
    ) -> AsyncIterator[task_pb2.WatchTaskResponse]:
        """Send the present state and each later change, and end with the terminal one."""
        async for task in self._service.watch(request.task_id, request.after_revision):
            yield task_pb2.WatchTaskResponse(task=_message(task))

    async def CancelTask(
        self, request: task_pb2.CancelTaskRequest, context: Any
    ) -> task_pb2.CancelTaskResponse:
        """Stop a queued or running task."""
        return task_pb2.CancelTaskResponse(task=_message(await self._service.cancel(request.task_id)))

    async def DownloadArtifact(
        self,
        request: task_pb2.DownloadArtifactRequest,
        context: Any,
    ) -> AsyncIterator[task_pb2.DownloadArtifactResponse]:
        """Stream an artefact's bytes, its description first."""
        artifact, pieces = await self._service.download(
            request.task_id, request.name, request.offset, request.length
        )
        described = False
        async for piece in pieces:
            head = None if described else _artifact(artifact)
            described = True
            yield task_pb2.DownloadArtifactResponse(artifact=head, chunk=piece)
        if not described:
            yield task_pb2.DownloadArtifactResponse(artifact=_artifact(artifact))

    async def GetStats(self, request: task_pb2.GetStatsRequest, context: Any) -> task_pb2.GetStatsResponse:
        """Count tasks by kind and state."""
        stats = await self._service.stats()
        counts = [
            task_pb2.TaskCount(kind=_KIND_NUMBERS[kind], state=_STATE_NUMBERS[state], count=count)
            for (kind, state), count in stats.counts.items()
        ]
        return task_pb2.GetStatsResponse(counts=counts, runner=stats.runner, journalled=stats.journalled)


def _kind(number: int) -> TaskKind:
    kind = _KINDS.get(number)
    if kind is None:
        raise InvalidArgument("kind must be one of ART, MUSIC, CYMATIC.", metadata={"field": "kind"})
    return kind


def _state(number: int) -> TaskState:
    state = _STATES.get(number)
    if state is None:
        raise InvalidArgument("state is not known.", metadata={"field": "state"})
    return state


def _message(task: Task) -> task_pb2.Task:
    return task_pb2.Task(
        id=task.id,
        kind=_KIND_NUMBERS[task.kind],
        user_id=task.user_id,
        parameters_json=task.parameters_json,
        state=_STATE_NUMBERS[task.state],
        progress_percent=task.progress_percent,
        stage=task.stage,
        error=task.error,
        artifacts=[_artifact(each) for each in task.artifacts],
        create_time=_timestamp(task.create_time),
        update_time=_timestamp(task.update_time),
        start_time=_timestamp(task.start_time),
        end_time=_timestamp(task.end_time),
        attempts=task.attempts,
        priority=task.priority,
        revision=task.revision,
        position=task.position,
        result_json=task.result_json,
    )


def _artifact(artifact: Artifact) -> task_pb2.Artifact:
    return task_pb2.Artifact(
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
    )


def _timestamp(seconds: float | None) -> Timestamp | None:
    if seconds is None:
        return None
    stamp = Timestamp()
    stamp.FromMicroseconds(round(seconds * 1e6))
    return stamp
