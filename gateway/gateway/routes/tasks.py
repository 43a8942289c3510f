"""Tasks: background work, its progress and what it makes; and the same as older clients know it."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Annotated, Final
from urllib.parse import quote

import msgspec
from fastapi import APIRouter, Header, Query, Request, Response
from starlette.responses import StreamingResponse

from gateway import answers, bodies, problems, ranges, sse
from gateway.access import Principal
from gateway.backends import durability
from gateway.dependencies import Dependencies, Deps, IdempotencyKey, PageSize, PageToken, Who
from gateway.openapi import told
from gateway.problems import Unprocessable
from gateway.schemas.tasks import (
    KINDS,
    STATES,
    CymaticParameters,
    JobBody,
    Kind,
    NewTask,
    State,
    SubmittedTask,
    TaskBody,
    TaskPage,
    is_over,
    job_body,
    task_body,
)
from mcai.task.v1 import task_pb2
from servicekit.errors import Internal, InvalidArgument, NotFound, OutOfRange

router = APIRouter(prefix="/api", tags=["tasks"])

_FILES: Final = ("image/png", "audio/wav", "audio/midi")


@router.post("/tasks", status_code=202, **told("tasks submit", {202: SubmittedTask}, body=NewTask))
async def submit(request: Request, deps: Deps, who: Who, idempotency_key: IdempotencyKey = "") -> Response:
    """Accepts a task; its progress is at `poll_url` and at /api/tasks/{id}/events."""
    body = await bodies.read(request, NewTask)
    return await _submitted(
        deps,
        task_pb2.SubmitTaskRequest(
            kind=KINDS[body.kind],
            user_id=who.on_behalf_of(body.user_id) or "",
            parameters_json=bodies.object_text(body.parameters, "parameters"),
            priority=body.priority,
            request_id=idempotency_key,
        ),
    )


@router.post(
    "/cymatic/generate",
    status_code=202,
    **told("legacy cymatic", {202: SubmittedTask}, body=CymaticParameters),
)
async def generate_cymatic(
    request: Request, deps: Deps, who: Who, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Accepts a cymatic task; the body is its parameters, such as {"frequency_hz": 432}."""
    parameters = await bodies.read(request, msgspec.Raw)
    return await _submitted(
        deps,
        task_pb2.SubmitTaskRequest(
            kind=task_pb2.TASK_KIND_CYMATIC,
            user_id=who.user_id or "",
            parameters_json=bodies.object_text(parameters, "The body"),
            request_id=idempotency_key,
        ),
    )


@router.get("/tasks", **told("tasks list", {200: TaskPage}))
async def list_tasks(
    deps: Deps,
    who: Who,
    user_id: Annotated[str, Query(max_length=128)] = "",
    state: State | None = None,
    kind: Kind | None = None,
    page_size: PageSize = 0,
    page_token: PageToken = "",
) -> Response:
    """Lists tasks, newest first."""
    request = task_pb2.ListTasksRequest(
        user_id=who.on_behalf_of(user_id) or "",
        state=STATES[state] if state else task_pb2.TASK_STATE_UNSPECIFIED,
        kind=KINDS[kind] if kind else task_pb2.TASK_KIND_UNSPECIFIED,
        page_size=page_size,
        page_token=page_token,
    )
    page = await deps.peers.task.ask(lambda stub: stub.ListTasks(request))
    return answers.json(TaskPage([task_body(each) for each in page.tasks], page.next_page_token))


@router.get("/tasks/{task_id}", **told("tasks show", {200: TaskBody}))
async def get_task(task_id: str, deps: Deps, who: Who) -> Response:
    """Shows a task."""
    return answers.json(task_body(await _task(deps, who, task_id)))


@router.get("/job/{task_id}", **told("legacy job", {200: JobBody}))
async def get_job(task_id: str, deps: Deps, who: Who) -> Response:
    """Shows a task in the shape that older clients know."""
    return answers.json(job_body(await _task(deps, who, task_id)))


@router.delete("/tasks/{task_id}", **told("tasks delete", {200: TaskBody}))
@router.post("/tasks/{task_id}:cancel", **told("tasks cancel", {200: TaskBody}))
async def cancel(task_id: str, deps: Deps, who: Who) -> Response:
    """Stops a task; one that has ended is left as it is."""
    await _check_owner(deps, who, task_id)
    request = task_pb2.CancelTaskRequest(task_id=task_id)
    response = await deps.peers.task.ask(lambda stub: stub.CancelTask(request))
    return answers.json(task_body(response.task))


@router.get("/tasks/{task_id}/events", **told("tasks events", {200: sse.MEDIA_TYPE}))
async def events(
    task_id: str,
    deps: Deps,
    who: Who,
    last_event_id: Annotated[str, Header(max_length=32, pattern=r"^\d*$")] = "",
) -> Response:
    """Streams a task's states as events named "state", the last one "done"; the id is its revision."""
    await _check_owner(deps, who, task_id)
    states = await sse.begun(_states(deps, task_id, int(last_event_id or 0)))
    return sse.response(states, keep_alive_seconds=deps.settings.keep_alive_seconds, ending=deps.ending)


@router.get(
    "/tasks/{task_id}/artifacts/{name}",
    **told("tasks download", {200: _FILES, 206: _FILES, 304: None}),
)
async def download(
    request: Request,
    task_id: str,
    name: str,
    deps: Deps,
    who: Who,
    if_none_match: Annotated[str, Header()] = "",
    range_: Annotated[str, Header(alias="range")] = "",
    if_range: Annotated[str, Header()] = "",
) -> Response:
    """Sends a file that a task made, or a range of it; it never changes."""
    artifacts = (await _task(deps, who, task_id)).artifacts
    artifact = next((each for each in artifacts if each.name == name), None)
    if artifact is None:
        raise NotFound(f"The task has no artefact {name!r}.")
    headers = {
        "etag": f'"{artifact.sha256}"',
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
        "content-disposition": f"inline; filename*=UTF-8''{quote(artifact.name, safe='')}",
    }
    if ranges.known(if_none_match, headers["etag"]):
        return Response(status_code=304, headers=headers)
    try:
        wanted = ranges.asked_for(range_, if_range, headers["etag"], artifact.size_bytes)
    except OutOfRange as error:
        answer = problems.response_of(error, request.url.path)
        answer.headers["content-range"] = f"bytes */{artifact.size_bytes}"
        return answer
    offset, length = wanted or (0, 0)
    pieces = await _begun(
        deps, task_pb2.DownloadArtifactRequest(task_id=task_id, name=name, offset=offset, length=length)
    )
    headers["content-length"] = str(length or artifact.size_bytes)
    if wanted is not None:
        headers["content-range"] = wanted.content_range(artifact.size_bytes)
    status = 200 if wanted is None else 206
    return StreamingResponse(pieces, status, headers, artifact.media_type)


async def _task(deps: Dependencies, who: Principal, task_id: str) -> task_pb2.Task:
    """The task; raises NotFound for another user's, in the words for one that does not exist."""
    request = task_pb2.GetTaskRequest(task_id=task_id)
    task = (await deps.peers.task.ask(lambda stub: stub.GetTask(request))).task
    if not who.owns(task.user_id):
        raise NotFound(f"There is no task {task_id!r}.")
    return task


async def _check_owner(deps: Dependencies, who: Principal, task_id: str) -> None:
    if who.user_id is not None:
        await _task(deps, who, task_id)


async def _submitted(deps: Dependencies, request: task_pb2.SubmitTaskRequest) -> Response:
    try:
        response = await deps.peers.task.ask(lambda stub: stub.SubmitTask(request))
    except InvalidArgument as error:
        if "allowed" in error.metadata:
            raise Unprocessable(error.message, metadata=error.metadata) from error
        raise
    task, job = response.task, job_body(response.task)
    stored = durability(response.durability).value
    body = SubmittedTask(job.job_id, job.status, job.poll_url, stored, task_body(task))
    return answers.json(body, 202, {"location": f"/api/tasks/{quote(task.id, safe='')}"})


async def _states(deps: Dependencies, task_id: str, after: int) -> AsyncGenerator[sse.Event, None]:
    request = task_pb2.WatchTaskRequest(task_id=task_id, after_revision=after)
    async with aclosing(deps.peers.task.stream(lambda stub: stub.WatchTask(request))) as states:
        async for state in states:
            name = "done" if is_over(state.task) else "state"
            yield sse.Event(name, task_body(state.task), id=str(state.task.revision))


async def _begun(deps: Dependencies, request: task_pb2.DownloadArtifactRequest) -> AsyncIterator[bytes]:
    """Returns the bytes of an artefact once the first of them are there, so that a failure has its status."""
    pieces = deps.peers.task.stream(lambda stub: stub.DownloadArtifact(request))
    first = await anext(pieces, None)
    if first is None:
        raise Internal("task-svc sent nothing of the artefact.")
    return _chunks(first, pieces)


async def _chunks(
    first: task_pb2.DownloadArtifactResponse,
    pieces: AsyncGenerator[task_pb2.DownloadArtifactResponse, None],
) -> AsyncIterator[bytes]:
    async with aclosing(pieces):
        yield first.chunk
        async for piece in pieces:
            yield piece.chunk
