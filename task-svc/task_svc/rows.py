"""Tasks as rows of the `tasks` table, which has the same columns in both stores."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, Final

from task_svc.model import Artifact, History, Task, TaskKind, TaskState

COLUMNS: Final = (
    "id",
    "kind",
    "user_id",
    "parameters_json",
    "body_hash",
    "priority",
    "state",
    "progress_percent",
    "stage",
    "error",
    "artifacts_json",
    "result_json",
    "create_time",
    "update_time",
    "start_time",
    "end_time",
    "attempts",
    "failures",
    "worker",
    "revision",
    "traceparent",
)
"""What is read of a row, in this order; a reader may add `position` behind them."""

PAGE: Final = 5_000
"""Rows that are read at a time by whoever reads them all."""


def digests_of(artifacts: Iterable[str]) -> frozenset[str]:
    """Returns the SHA-256 of all artefacts in some values of `artifacts_json`."""
    return frozenset(each["sha256"] for text in artifacts for each in json.loads(text))


def task_of(row: Sequence[Any]) -> Task:
    """Returns the task of a row of COLUMNS, followed by its position in the queue if that was read."""
    named = dict(zip(COLUMNS, row, strict=False))
    artifacts = tuple(Artifact(**each) for each in json.loads(named.pop("artifacts_json")))
    return Task(
        **{**named, "kind": TaskKind(named["kind"]), "state": TaskState(named["state"])},
        artifacts=artifacts,
        position=row[len(COLUMNS)] if len(row) > len(COLUMNS) else 0,
    )


CHANGE_COLUMNS: Final = ("revision", "state", "progress_percent", "stage", "error", "attempts", "update_time")
"""What is read of a change, in this order."""


def history_of(rows: Sequence[Sequence[Any]]) -> History:
    """Returns the history in rows of COLUMNS, position and CHANGE_COLUMNS, these NULL if nothing changed."""
    width = len(COLUMNS) + 1
    present = task_of(rows[0][:width])
    return History(present, tuple(_as_it_was(present, row[width:]) for row in rows if row[width] is not None))


def _as_it_was(present: Task, change: Sequence[Any]) -> Task:
    named = dict(zip(CHANGE_COLUMNS, change, strict=True))
    task = replace(present, **{**named, "state": TaskState(named["state"])})
    if task.state.terminal:
        return task
    before_it_was_claimed = task.attempts == 0
    return replace(
        task,
        artifacts=(),
        result_json="{}",
        start_time=None if before_it_was_claimed else task.start_time,
        end_time=None,
        position=present.position if task.state is TaskState.QUEUED else 0,
    )


def new_row(task: Task) -> Mapping[str, Any]:
    """Returns the named values that a new task's row is made from."""
    return {
        "id": task.id,
        "kind": task.kind.value,
        "user_id": task.user_id,
        "parameters_json": task.parameters_json,
        "body_hash": task.body_hash,
        "priority": task.priority,
        "create_time": task.create_time,
        "traceparent": task.traceparent,
    }


def artifacts_json(artifacts: Sequence[Artifact]) -> str:
    """Returns artefacts as the JSON list that `task_of` reads."""
    return json.dumps([asdict(each) for each in artifacts], separators=(",", ":"))
