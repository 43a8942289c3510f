"""The tasks in a SQLite file; see `sqlite_database` for its thread and its durability."""

# ruff: noqa: S608 - statements are put together from constants of this module; values are bound

import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from task_svc.errors import QueueFull, RequestConflict, TaskNotFound
from task_svc.model import (
    Admission,
    Artifact,
    Backlog,
    Failure,
    History,
    Submission,
    Task,
    TaskFilter,
    TaskKind,
    TaskState,
    Ticket,
)
from task_svc.rows import (
    CHANGE_COLUMNS,
    COLUMNS,
    PAGE,
    artifacts_json,
    digests_of,
    history_of,
    new_row,
    task_of,
)
from task_svc.sqlite_database import SqliteDatabase

Announce = Callable[[str], None]

_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM outbox WHERE due_time <= :now), coalesce(:now - min(due_time), 0.0)
    FROM tasks WHERE state = 'queued' AND due_time <= :now"""
_READ: Final = ", ".join(COLUMNS)
_POSITION: Final = """
    CASE WHEN tasks.state = 'queued' THEN (
        SELECT count(*) FROM tasks AS ahead
        WHERE ahead.state = 'queued' AND ahead.kind = tasks.kind
          AND (ahead.priority > tasks.priority
               OR ahead.priority = tasks.priority
                  AND (ahead.create_time, ahead.id) < (tasks.create_time, tasks.id))
    ) ELSE 0 END"""
_HISTORY: Final = f"""
    SELECT {", ".join(f"tasks.{column}" for column in COLUMNS)}, {_POSITION},
           {", ".join(f"changes.{column}" for column in CHANGE_COLUMNS)}
    FROM tasks LEFT JOIN changes ON task_id = id AND changes.revision > :after
    WHERE id = :id ORDER BY changes.revision"""
_CLAIM: Final = f"""
    UPDATE tasks
    SET state = 'running', attempts = attempts + 1, worker = :worker, stage = 'starting',
        progress_percent = 0, start_time = coalesce(start_time, :now), update_time = :now,
        revision = revision + 1
    WHERE id = (
        SELECT id FROM tasks
        WHERE state = 'queued' AND due_time <= :now AND (:id IS NULL OR id = :id)
        ORDER BY priority DESC, create_time, id LIMIT 1)
    RETURNING {_READ}"""
_ARTIFACTS_AFTER: Final = """
    SELECT id, artifacts_json FROM tasks
    WHERE id > :last AND state = 'succeeded' ORDER BY id LIMIT :limit"""
_MINE: Final = "WHERE id = :id AND state = 'running' AND attempts = :attempt"
_QUEUE_AGAIN: Final = "INSERT OR REPLACE INTO outbox (task_id, due_time) VALUES (:id, :due_time)"


class SqliteTaskStore:
    """ports.TaskStore on an open SqliteDatabase, which `close` closes.

    `announce` is called with the id of each task that changed, after the commit.
    """

    def __init__(self, database: SqliteDatabase, announce: Announce) -> None:
        self._database = database
        self._announce = announce

    @property
    def journalled(self) -> int:
        """See ports.Tasks; its own disk needs no journal."""
        return 0

    async def submit(self, task: Task, admission: Admission) -> Submission:
        """See ports.TaskStore."""

        def work(connection: sqlite3.Connection) -> Submission:
            known = _find(connection, task.id)
            if known is not None:
                if known.body_hash != task.body_hash:
                    raise RequestConflict("This request_id was used for another task.")
                return Submission(known, created=False)
            _admit(connection, task.user_id, admission)
            connection.execute(
                "INSERT INTO tasks (id, kind, user_id, parameters_json, body_hash, priority, state,"
                " create_time, update_time, due_time, traceparent)"
                " VALUES (:id, :kind, :user_id, :parameters_json, :body_hash, :priority, 'queued',"
                " :create_time, :create_time, :create_time, :traceparent)",
                new_row(task),
            )
            connection.execute(_QUEUE_AGAIN, {"id": task.id, "due_time": task.create_time})
            return Submission(_found(connection, task.id), created=True)

        submission = await self._database.run(work)
        self._announce(task.id)
        return submission

    async def get(self, task_id: str) -> Task:
        """See ports.TaskStore."""
        return await self._database.run(lambda connection: _found(connection, task_id))

    async def history(self, task_id: str, after_revision: int) -> History:
        """See ports.TaskStore."""
        rows = await self._rows(_HISTORY, id=task_id, after=after_revision)
        if not rows:
            raise TaskNotFound(f"There is no task {task_id!r}.")
        return history_of(rows)

    async def newest(self, which: TaskFilter, before: tuple[float, str] | None, limit: int) -> list[Task]:
        """See ports.TaskStore."""
        time, task_id = before or (None, None)
        rows = await self._rows(
            f"SELECT {_READ} FROM tasks WHERE (:user_id = '' OR user_id = :user_id)"
            " AND (:state IS NULL OR state = :state) AND (:kind IS NULL OR kind = :kind)"
            " AND (:time IS NULL OR (create_time, id) < (:time, :id))"
            " ORDER BY create_time DESC, id DESC LIMIT :limit",
            user_id=which.user_id,
            state=which.state and which.state.value,
            kind=which.kind and which.kind.value,
            time=time,
            id=task_id,
            limit=limit,
        )
        return [task_of(row) for row in rows]

    async def claim(self, task_id: str, worker: str, now: float) -> Task | None:
        """See ports.TaskStore."""
        return await self._claim(task_id, worker, now)

    async def claim_next(self, worker: str, now: float) -> Task | None:
        """See ports.TaskStore."""
        return await self._claim(None, worker, now)

    async def _claim(self, task_id: str | None, worker: str, now: float) -> Task | None:
        def work(connection: sqlite3.Connection) -> Task | None:
            row = connection.execute(_CLAIM, {"id": task_id, "worker": worker, "now": now}).fetchone()
            if row is None:
                return None
            task = task_of(row)
            connection.execute("DELETE FROM outbox WHERE task_id = ?", (task.id,))
            return task

        task = await self._database.run(work)
        if task is not None:
            self._announce(task.id)
        return task

    async def beat(self, task_id: str, attempt: int, percent: float, stage: str, now: float) -> bool:
        """See ports.TaskStore."""
        return await self._change(
            f"UPDATE tasks SET progress_percent = :percent, stage = :stage, update_time = :now,"
            f" revision = revision + 1 {_MINE}",
            {"id": task_id, "attempt": attempt, "percent": percent, "stage": stage, "now": now},
        )

    async def succeed(
        self, task_id: str, attempt: int, artifacts: Sequence[Artifact], result_json: str, now: float
    ) -> bool:
        """See ports.TaskStore."""
        return await self._change(
            f"UPDATE tasks SET state = 'succeeded', progress_percent = 100, stage = 'done', error = '',"
            f" artifacts_json = :artifacts, result_json = :result, update_time = :now, end_time = :now,"
            f" revision = revision + 1 {_MINE}",
            {
                "id": task_id,
                "attempt": attempt,
                "artifacts": artifacts_json(artifacts),
                "result": result_json,
                "now": now,
            },
        )

    async def fail(
        self, task_id: str, attempt: int, failure: Failure, retry_at: float | None, now: float
    ) -> bool:
        """See ports.TaskStore."""
        values = {"id": task_id, "attempt": attempt, "error": failure.reason, "now": now}
        if retry_at is None:
            return await self._change(
                f"UPDATE tasks SET state = 'failed', error = :error, stage = 'failed',"
                f" failures = failures + 1, update_time = :now, end_time = :now,"
                f" revision = revision + 1 {_MINE}",
                values,
            )
        return await self._change(
            f"UPDATE tasks SET state = 'queued', error = :error, stage = 'waiting to try again',"
            f" progress_percent = 0, failures = failures + 1, due_time = :due_time, publish_time = NULL,"
            f" update_time = :now, revision = revision + 1 {_MINE}",
            {**values, "due_time": retry_at},
            queue_again=True,
        )

    async def release(self, task_id: str, attempt: int, now: float) -> bool:
        """See ports.TaskStore."""
        return await self._change(
            f"UPDATE tasks SET state = 'queued', stage = '', progress_percent = 0, due_time = :due_time,"
            f" publish_time = NULL, update_time = :due_time, revision = revision + 1 {_MINE}",
            {"id": task_id, "attempt": attempt, "due_time": now},
            queue_again=True,
        )

    async def release_worker(self, worker: str, now: float) -> int:
        """See ports.TaskStore."""
        rows = await self._rows(
            "SELECT id, attempts FROM tasks WHERE state = 'running' AND worker = :worker", worker=worker
        )
        return sum([await self.release(task_id, attempt, now) for task_id, attempt in rows])

    async def cancel(self, task_id: str, now: float) -> tuple[Task, bool]:
        """See ports.TaskStore."""

        def work(connection: sqlite3.Connection) -> tuple[Task, bool]:
            before = _found(connection, task_id)
            if before.state.terminal:
                return before, False
            connection.execute(
                "UPDATE tasks SET state = 'cancelled', stage = 'cancelled', update_time = :now,"
                " end_time = :now, revision = revision + 1 WHERE id = :id",
                {"id": task_id, "now": now},
            )
            connection.execute("DELETE FROM outbox WHERE task_id = ?", (task_id,))
            return _found(connection, task_id), before.state is TaskState.RUNNING

        task, was_running = await self._database.run(work)
        self._announce(task_id)
        return task, was_running

    async def outbox(self, limit: int, now: float) -> list[Ticket]:
        """See ports.TaskStore."""
        rows = await self._rows(
            "SELECT id, kind, priority FROM outbox JOIN tasks ON id = task_id WHERE outbox.due_time <= :now"
            " ORDER BY priority DESC, create_time, id LIMIT :limit",
            now=now,
            limit=limit,
        )
        return [Ticket(task_id, TaskKind(kind), priority) for task_id, kind, priority in rows]

    async def published(self, task_ids: Collection[str], now: float) -> None:
        """See ports.TaskStore."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany("DELETE FROM outbox WHERE task_id = ?", [(each,) for each in task_ids])
            connection.executemany(
                "UPDATE tasks SET publish_time = ? WHERE id = ?", [(now, each) for each in task_ids]
            )

        await self._database.run(work)

    async def republish(self, published_before: float, limit: int, now: float) -> int:
        """See ports.TaskStore."""
        return await self._database.run(
            lambda connection: (
                connection.execute(
                    "INSERT INTO outbox (task_id, due_time) SELECT id, ? FROM tasks"
                    " WHERE state = 'queued' AND publish_time < ?"
                    " AND NOT EXISTS (SELECT 1 FROM outbox WHERE task_id = id) ORDER BY publish_time LIMIT ?",
                    (now, published_before, limit),
                ).rowcount
            )
        )

    async def running(self) -> list[Task]:
        """See ports.TaskStore."""
        rows = await self._rows(f"SELECT {_READ} FROM tasks WHERE state = 'running'")
        return [task_of(row) for row in rows]

    async def forget(self, ended_before: float, limit: int) -> int:
        """See ports.TaskStore."""
        return await self._database.run(
            lambda connection: (
                connection.execute(
                    "DELETE FROM tasks WHERE id IN"
                    " (SELECT id FROM tasks WHERE end_time < ? ORDER BY end_time LIMIT ?)",
                    (ended_before, limit),
                ).rowcount
            )
        )

    async def forget_progress(self, before: float) -> None:
        """See ports.TaskStore."""
        await self._rows("DELETE FROM changes WHERE NOT transition AND update_time < :before", before=before)

    async def unused(self, digests: frozenset[str]) -> frozenset[str]:
        """See ports.TaskStore."""
        last, unused = "", digests
        while unused and (rows := await self._rows(_ARTIFACTS_AFTER, last=last, limit=PAGE)):
            unused -= digests_of(text for _, text in rows)
            last = rows[-1][0]
        return unused

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """See ports.TaskStore."""
        rows = await self._rows("SELECT kind, state, count(*) FROM tasks GROUP BY kind, state")
        return {(TaskKind(kind), TaskState(state)): count for kind, state, count in rows}

    async def backlog(self, now: float) -> Backlog:
        """See ports.TaskStore."""
        ((tickets, oldest),) = await self._rows(_BACKLOG, now=now)
        return Backlog(tickets, oldest)

    async def ping(self) -> None:
        """See ports.TaskStore."""
        await self._rows("SELECT 1")

    async def close(self) -> None:
        """See ports.TaskStore."""
        await self._database.close()

    async def _rows(self, statement: str, **values: Any) -> list[Any]:
        return await self._database.run(lambda connection: connection.execute(statement, values).fetchall())

    async def _change(self, statement: str, values: Mapping[str, Any], *, queue_again: bool = False) -> bool:
        def work(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(statement, values).rowcount == 1
            if changed and queue_again:
                connection.execute(_QUEUE_AGAIN, {"id": values["id"], "due_time": values["due_time"]})
            return changed

        changed = await self._database.run(work)
        if changed:
            self._announce(str(values["id"]))
        return changed


def _admit(connection: sqlite3.Connection, user_id: str, admission: Admission) -> None:
    counting = "SELECT count(*) FROM tasks WHERE state = 'queued'"
    queued = connection.execute(counting).fetchone()[0]
    if queued >= admission.queued:
        raise QueueFull(queued, of_user=False)
    of_user = connection.execute(f"{counting} AND user_id = ?", (user_id,)).fetchone()[0]
    if of_user >= admission.queued_of_user:
        raise QueueFull(of_user, of_user=True)


def _find(connection: sqlite3.Connection, task_id: str) -> Task | None:
    row = connection.execute(
        f"SELECT {_READ}, {_POSITION} FROM tasks WHERE id = ?",
        (task_id,),
    ).fetchone()
    return None if row is None else task_of(row)


def _found(connection: sqlite3.Connection, task_id: str) -> Task:
    task = _find(connection, task_id)
    if task is None:
        raise TaskNotFound(f"There is no task {task_id!r}.")
    return task
