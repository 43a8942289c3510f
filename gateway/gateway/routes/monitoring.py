"""What was and what comes: the monitor's history and warnings, its stream, and what a process waits for."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from gateway import answers
from gateway.dependencies import Deps, PageSize, PageToken
from gateway.openapi import told
from gateway.schemas.monitoring import (
    FigureHistoryBody,
    ProcessDumpBody,
    TaskDumpBody,
    TransitionPage,
    WarningPage,
    figure_history_body,
    process_dump_body,
    transition_body,
    warning_body,
)
from mcai.monitor.v1 import monitor_pb2
from servicekit.task_dump import dump_tasks

router = APIRouter(tags=["system"])

OWN_NAME = "gateway"
MAX_PERIOD_SECONDS = 30 * 86_400

Service = Annotated[str, Query(max_length=64, description="A service; empty: the whole system.")]


@router.get("/api/system/history", **told("system history", {200: TransitionPage}))
async def history(
    deps: Deps, subject: Service = "", page_size: PageSize = 0, page_token: PageToken = ""
) -> Response:
    """Lists changes of condition, newest first: of a service or a capability, or of everything."""
    request = monitor_pb2.ListHealthHistoryRequest(
        service=subject, page_size=min(page_size, 500), page_token=page_token
    )
    found = await deps.system.history(request)
    return answers.json(
        TransitionPage([transition_body(each) for each in found.transitions], found.next_page_token)
    )


@router.get("/api/system/warnings", **told("system warnings", {200: WarningPage}))
async def warnings(deps: Deps, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
    """Lists warnings, newest first, those that were cleared included."""
    request = monitor_pb2.ListWarningsRequest(page_size=min(page_size, 500), page_token=page_token)
    found = await deps.system.warnings(request)
    return answers.json(WarningPage([warning_body(each) for each in found.warnings], found.next_page_token))


@router.get("/api/system/figures", **told("system figures", {200: FigureHistoryBody}))
async def figures(
    deps: Deps,
    figure: Annotated[str, Query(min_length=1, max_length=64, description="Name, such as latency_ms.")],
    service: Service = "",
    period_seconds: Annotated[float, Query(gt=0, le=MAX_PERIOD_SECONDS)] = 3600,
) -> Response:
    """Shows how a figure went: in steps of 15 s over a day at the most, of 10 min over a month."""
    request = monitor_pb2.GetFigureHistoryRequest(service=service, figure=figure)
    request.period.FromNanoseconds(int(period_seconds * 1e9))
    found = await deps.system.figure_history(request)
    return answers.json(figure_history_body(service, figure, found))


@router.get("/api/system/debug/tasks", **told("system debug", {200: ProcessDumpBody}))
async def tasks(
    deps: Deps,
    service: Annotated[str, Query(max_length=64, description="Which service's process.")] = OWN_NAME,
) -> Response:
    """Shows what every asyncio task of one replica waits for; for the administrator."""
    if service != OWN_NAME:
        return answers.json(process_dump_body(service, await deps.system.tasks_of(service)))
    own = [TaskDumpBody(each.name, each.coroutine, list(each.stack)) for each in dump_tasks()]
    return answers.json(ProcessDumpBody(OWN_NAME, sorted(own, key=lambda each: (each.coroutine, each.name))))
