"""Bodies of what was: transitions, warnings and figures over time; and of what a process waits for."""

import msgspec

from gateway.schemas.health import STATUSES
from gateway.schemas.times import rfc3339
from mcai.monitor.v1 import monitor_pb2, replica_pb2


class WarningBody(msgspec.Struct):
    """A figure beyond its limit; `clear_time` is null while the warning stands."""

    figure: str
    service: str
    address: str
    message: str
    raise_time: str | None
    clear_time: str | None


class TransitionBody(msgspec.Struct):
    """One change of condition; `subject` is a service, a capability, or "system"."""

    subject: str
    old_status: str | None
    new_status: str
    message: str
    time: str | None


class TransitionPage(msgspec.Struct):
    """A page of transitions, newest first."""

    transitions: list[TransitionBody]
    next_page_token: str


class WarningPage(msgspec.Struct):
    """A page of warnings, newest first."""

    warnings: list[WarningBody]
    next_page_token: str


class PointBody(msgspec.Struct):
    """What a figure was during one step."""

    time: str | None
    low: float
    mean: float
    high: float


class FigureHistoryBody(msgspec.Struct):
    """How a figure went, oldest first, and the time from one point to the next in seconds."""

    service: str
    figure: str
    step_seconds: float
    points: list[PointBody]


class TaskDumpBody(msgspec.Struct):
    """One asyncio task: what it runs and where it waits, the outermost frame first."""

    name: str
    coroutine: str
    stack: list[str]


class ProcessDumpBody(msgspec.Struct):
    """The tasks of the process of one replica."""

    service: str
    tasks: list[TaskDumpBody]


def transition_body(transition: monitor_pb2.HealthTransition) -> TransitionBody:
    """Returns a change of condition for a client."""
    return TransitionBody(
        subject=transition.service or "system",
        old_status=STATUSES.get(transition.old_status),
        new_status=STATUSES.get(transition.new_status, "unhealthy"),
        message=transition.message,
        time=rfc3339(transition, "transition_time"),
    )


def warning_body(warning: monitor_pb2.Warning) -> WarningBody:
    """Returns a warning for a client."""
    return WarningBody(
        figure=warning.figure,
        service=warning.service,
        address=warning.address,
        message=warning.message,
        raise_time=rfc3339(warning, "raise_time"),
        clear_time=rfc3339(warning, "clear_time"),
    )


def figure_history_body(
    service: str, figure: str, response: monitor_pb2.GetFigureHistoryResponse
) -> FigureHistoryBody:
    """Returns how a figure went for a client."""
    points = [PointBody(rfc3339(each, "time"), each.low, each.mean, each.high) for each in response.points]
    return FigureHistoryBody(service or "system", figure, response.step.ToNanoseconds() / 1e9, points)


def process_dump_body(service: str, response: replica_pb2.DumpTasksResponse) -> ProcessDumpBody:
    """Returns the tasks of a process for a client, by name."""
    tasks = [TaskDumpBody(each.name, each.coroutine, list(each.stack)) for each in response.tasks]
    return ProcessDumpBody(service, sorted(tasks, key=lambda each: (each.coroutine, each.name)))
