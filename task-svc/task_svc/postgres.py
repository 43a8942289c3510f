"""The tasks in PostgreSQL; each method is one statement and one round trip. See `postgres_database`."""

# ruff: noqa: S608 - statements are put together from constants of this module; values are bound

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
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
from task_svc.postgres_database import Connection, PostgresDatabase
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

Announce = Callable[[str], None]

_BACKLOG: Final = """
    SELECT (SELECT count(*) FROM outbox WHERE due_time <= %(now)s), coalesce(%(now)s - min(due_time), 0.0)
    FROM tasks WHERE state = 'queued' AND due_time <= %(now)s"""
_READ: Final = ", ".join(f"tasks.{column}" for column in COLUMNS)
_READ_CHANGE: Final = ", ".join(f"changes.{column}" for column in CHANGE_COLUMNS)
_POSITION: Final = """
    CASE WHEN tasks.state = 'queued' THEN (
        SELECT count(*) FROM tasks AS ahead
        WHERE ahead.state = 'queued' AND ahead.kind = tasks.kind
          AND (ahead.priority > tasks.priority
               OR ahead.priority = tasks.priority
                  AND (ahead.create_time, ahead.id) < (tasks.create_time, tasks.id))
    ) ELSE 0 END"""
_GET: Final = f"SELECT {_READ}, {_POSITION} FROM tasks WHERE id = %(id)s"
_HISTORY: Final = f"""
    SELECT {_READ}, {_POSITION}, {_READ_CHANGE}
    FROM tasks LEFT JOIN changes ON task_id = id AND changes.revision > %(after)s
    WHERE id = %(id)s ORDER BY changes.revision"""
_SUBMIT: Final = f"""
    WITH queued AS (
        SELECT count(*) AS number FROM (SELECT FROM tasks WHERE state = 'queued' LIMIT %(queued)s) AS seen
    ), of_user AS (
        SELECT count(*) AS number FROM (
            SELECT FROM tasks WHERE state = 'queued' AND user_id = %(user_id)s
            LIMIT %(queued_of_user)s) AS seen
    ), made AS (
        INSERT INTO tasks (id, kind, user_id, parameters_json, body_hash, priority, state,
                           create_time, update_time, due_time, traceparent)
        SELECT %(id)s, %(kind)s, %(user_id)s, %(parameters_json)s, %(body_hash)s, %(priority)s, 'queued',
               %(create_time)s, %(create_time)s, %(create_time)s, %(traceparent)s
        WHERE (SELECT number FROM queued) < %(queued)s
          AND (SELECT number FROM of_user) < %(queued_of_user)s
        ON CONFLICT (id) DO NOTHING
        RETURNING *
    ), ticket AS (
        INSERT INTO outbox (task_id, due_time) SELECT id, due_time FROM made
    )
    SELECT {_READ}, {_POSITION}, true FROM made AS tasks
    UNION ALL
    SELECT {_READ}, {_POSITION}, false FROM tasks WHERE id = %(id)s"""
_QUEUED_OF_USER: Final = (
    "SELECT count(*) FROM tasks WHERE state = 'queued' AND user_id = %(user_id)s HAVING count(*) >= %(most)s"
)
_ARTIFACTS_AFTER: Final = """
    SELECT id, artifacts_json FROM tasks
    WHERE id > %(last)s AND state = 'succeeded' ORDER BY id LIMIT %(limit)s"""
# Which one of the due tasks; whoever looks for any task passes by those that others are about to take.
_THIS_ONE: Final = "AND id = %(id)s FOR UPDATE"
_THE_FIRST: Final = "ORDER BY priority DESC, create_time, id LIMIT 1 FOR UPDATE SKIP LOCKED"
_CLAIM: Final = f"""
    WITH next AS (
        SELECT id FROM tasks WHERE state = 'queued' AND due_time <= %(now)s {{which}}
    ), ticket AS (
        DELETE FROM outbox USING next WHERE task_id = next.id
    )
    UPDATE tasks
    SET state = 'running', attempts = attempts + 1, worker = %(worker)s, stage = 'starting',
        progress_percent = 0, start_time = coalesce(start_time, %(now)s), update_time = %(now)s,
        revision = revision + 1
    FROM next WHERE tasks.id = next.id
    RETURNING {_READ}"""
_MINE: Final = "WHERE id = %(id)s AND state = 'running' AND attempts = %(attempt)s"
_QUEUE_AGAIN: Final = """
    INSERT INTO outbox (task_id, due_time) SELECT id, due_time FROM changed
    ON CONFLICT (task_id) DO UPDATE SET due_time = excluded.due_time"""
_CANCEL: Final = f"""
    WITH before AS (
        SELECT id, state FROM tasks WHERE id = %(id)s FOR UPDATE
    ), ticket AS (
        DELETE FROM outbox WHERE task_id = %(id)s
    ), stopped AS (
        UPDATE tasks
        SET state = 'cancelled', stage = 'cancelled', update_time = %(now)s, end_time = %(now)s,
            revision = revision + 1
        FROM before WHERE tasks.id = before.id AND before.state IN ('queued', 'running')
        RETURNING {_READ}, before.state AS state_before
    )
    SELECT * FROM stopped
    UNION ALL
    SELECT {_READ}, 'ended' FROM tasks JOIN before ON tasks.id = before.id
    WHERE before.state NOT IN ('queued', 'running')"""


class PostgresTaskStore:
    """ports.TaskStore on a PostgresDatabase, which `close` closes.

    `announce` is called with the id of each task that this process changed.
    """

    def __init__(self, database: PostgresDatabase, announce: Announce) -> None:
        self._database = database
        self._announce = announce

    @property
    def journalled(self) -> int:
        """See ports.Tasks; the journal is the fallback's."""
        return 0

    async def submit(self, task: Task, admission: Admission) -> Submission:
        """See ports.TaskStore."""
        values = {**new_row(task), **asdict(admission)}
        rows = await self._rows(_SUBMIT, values)
        if not rows:
            # Either the queue is full, or another call with this id committed while this one ran.
            rows = [(*row, False) for row in await self._rows(_GET, values)]
        if not rows:
            raise await self._refusal(task.user_id, admission)
        *row, created = rows[0]
        known = task_of(row)
        if known.body_hash != task.body_hash:
            raise RequestConflict("This request_id was used for another task.")
        if created:
            self._announce(task.id)
        return Submission(known, created=created)

    async def _refusal(self, user_id: str, admission: Admission) -> QueueFull:
        most = admission.queued_of_user
        of_user = await self._rows(_QUEUED_OF_USER, {"user_id": user_id, "most": most})
        return QueueFull(most if of_user else admission.queued, of_user=bool(of_user))

    async def get(self, task_id: str) -> Task:
        """See ports.TaskStore."""
        rows = await self._rows(_GET, {"id": task_id})
        if not rows:
            raise TaskNotFound(f"There is no task {task_id!r}.")
        return task_of(rows[0])

    async def history(self, task_id: str, after_revision: int) -> History:
        """See ports.TaskStore."""
        rows = await self._rows(_HISTORY, {"id": task_id, "after": after_revision})
        if not rows:
            raise TaskNotFound(f"There is no task {task_id!r}.")
        return history_of(rows)

    async def newest(self, which: TaskFilter, before: tuple[float, str] | None, limit: int) -> list[Task]:
        """See ports.TaskStore."""
        wanted = {
            "user_id = %(user_id)s": which.user_id,
            "state = %(state)s": which.state and which.state.value,
            "kind = %(kind)s": which.kind and which.kind.value,
            "(create_time, id) < (%(time)s, %(id)s)": before,
        }
        where = " AND ".join(["true", *(clause for clause, value in wanted.items() if value)])
        time, task_id = before or (None, None)
        values = {
            "user_id": which.user_id,
            "state": which.state and which.state.value,
            "kind": which.kind and which.kind.value,
            "time": time,
            "id": task_id,
            "limit": limit,
        }
        rows = await self._rows(
            f"SELECT {_READ} FROM tasks WHERE {where} ORDER BY create_time DESC, id DESC LIMIT %(limit)s",
            values,
        )
        return [task_of(row) for row in rows]

    async def claim(self, task_id: str, worker: str, now: float) -> Task | None:
        """See ports.TaskStore."""
        return await self._claim(_THIS_ONE, {"id": task_id, "worker": worker, "now": now})

    async def claim_next(self, worker: str, now: float) -> Task | None:
        """See ports.TaskStore."""
        return await self._claim(_THE_FIRST, {"worker": worker, "now": now})

    async def _claim(self, which: str, values: Mapping[str, Any]) -> Task | None:
        rows = await self._rows(_CLAIM.format(which=which), values)
        if not rows:
            return None
        task = task_of(rows[0])
        self._announce(task.id)
        return task

    async def beat(self, task_id: str, attempt: int, percent: float, stage: str, now: float) -> bool:
        """See ports.TaskStore."""
        values = {"id": task_id, "attempt": attempt, "percent": percent, "stage": stage, "now": now}
        return await self._change(
            "progress_percent = %(percent)s, stage = %(stage)s, update_time = %(now)s", values
        )

    async def succeed(
        self, task_id: str, attempt: int, artifacts: Sequence[Artifact], result_json: str, now: float
    ) -> bool:
        """See ports.TaskStore."""
        return await self._change(
            "state = 'succeeded', progress_percent = 100, stage = 'done', error = '',"
            " artifacts_json = %(artifacts)s, result_json = %(result)s, update_time = %(now)s,"
            " end_time = %(now)s",
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
                "state = 'failed', error = %(error)s, stage = 'failed', failures = failures + 1,"
                " update_time = %(now)s, end_time = %(now)s",
                values,
            )
        return await self._change(
            "state = 'queued', error = %(error)s, stage = 'waiting to try again', progress_percent = 0,"
            " failures = failures + 1, due_time = %(due_time)s, publish_time = NULL, update_time = %(now)s",
            {**values, "due_time": retry_at},
            then=_QUEUE_AGAIN,
        )

    async def release(self, task_id: str, attempt: int, now: float) -> bool:
        """See ports.TaskStore."""
        return await self._change(
            "state = 'queued', stage = '', progress_percent = 0, due_time = %(now)s, publish_time = NULL,"
            " update_time = %(now)s",
            {"id": task_id, "attempt": attempt, "now": now},
            then=_QUEUE_AGAIN,
        )

    async def release_worker(self, worker: str, now: float) -> int:
        """See ports.TaskStore."""
        rows = await self._rows(
            "SELECT id, attempts FROM tasks WHERE state = 'running' AND worker = %(worker)s",
            {"worker": worker},
        )
        return sum([await self.release(task_id, attempt, now) for task_id, attempt in rows])

    async def cancel(self, task_id: str, now: float) -> tuple[Task, bool]:
        """See ports.TaskStore."""
        rows = await self._rows(_CANCEL, {"id": task_id, "now": now})
        if not rows:
            raise TaskNotFound(f"There is no task {task_id!r}.")
        *row, state_before = rows[0]
        self._announce(task_id)
        return task_of(row), state_before == TaskState.RUNNING.value

    async def outbox(self, limit: int, now: float) -> list[Ticket]:
        """See ports.TaskStore."""
        rows = await self._rows(
            "SELECT id, kind, priority FROM outbox JOIN tasks ON id = task_id"
            " WHERE outbox.due_time <= %(now)s ORDER BY priority DESC, create_time, id LIMIT %(limit)s",
            {"now": now, "limit": limit},
        )
        return [Ticket(task_id, TaskKind(kind), priority) for task_id, kind, priority in rows]

    async def published(self, task_ids: Collection[str], now: float) -> None:
        """See ports.TaskStore."""
        await self._rows(
            "WITH gone AS (DELETE FROM outbox WHERE task_id = ANY(%(ids)s))"
            " UPDATE tasks SET publish_time = %(now)s WHERE id = ANY(%(ids)s) RETURNING id",
            {"ids": [*task_ids], "now": now},
        )

    async def republish(self, published_before: float, limit: int, now: float) -> int:
        """See ports.TaskStore."""
        rows = await self._rows(
            "INSERT INTO outbox (task_id, due_time) SELECT id, %(now)s FROM tasks"
            " WHERE state = 'queued' AND publish_time < %(before)s"
            " AND NOT EXISTS (SELECT FROM outbox WHERE task_id = id) ORDER BY publish_time LIMIT %(limit)s"
            " ON CONFLICT DO NOTHING RETURNING task_id",
            {"now": now, "before": published_before, "limit": limit},
        )
        return len(rows)

    async def running(self) -> list[Task]:
        """See ports.TaskStore."""
        rows = await self._rows(f"SELECT {_READ} FROM tasks WHERE state = 'running'")
        return [task_of(row) for row in rows]

    async def forget(self, ended_before: float, limit: int) -> int:
        """See ports.TaskStore."""
        rows = await self._rows(
            "WITH old AS ("
            " SELECT id FROM tasks WHERE end_time < %(before)s ORDER BY end_time LIMIT %(limit)s"
            " FOR UPDATE SKIP LOCKED"
            ") DELETE FROM tasks USING old WHERE tasks.id = old.id RETURNING tasks.id",
            {"before": ended_before, "limit": limit},
        )
        return len(rows)

    async def forget_progress(self, before: float) -> None:
        """See ports.TaskStore."""
        await self._rows(
            "WITH old AS (DELETE FROM changes WHERE NOT transition AND update_time < %(before)s) SELECT 1",
            {"before": before},
        )

    async def unused(self, digests: frozenset[str]) -> frozenset[str]:
        """See ports.TaskStore."""
        last, unused = "", digests
        while unused and (rows := await self._rows(_ARTIFACTS_AFTER, {"last": last, "limit": PAGE})):
            unused -= digests_of(text for _, text in rows)
            last = rows[-1][0]
        return unused

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """See ports.TaskStore."""
        rows = await self._rows("SELECT kind, state, count(*) FROM tasks GROUP BY kind, state")
        return {(TaskKind(kind), TaskState(state)): count for kind, state, count in rows}

    async def backlog(self, now: float) -> Backlog:
        """See ports.TaskStore."""
        ((tickets, oldest),) = await self._rows(_BACKLOG, {"now": now})
        return Backlog(tickets, oldest)

    async def ping(self) -> None:
        """See ports.TaskStore."""
        await self._rows("SELECT 1")

    async def close(self) -> None:
        """See ports.TaskStore."""
        await self._database.close()

    async def _change(self, assignments: str, values: Mapping[str, Any], *, then: str = "") -> bool:
        """Changes the row of a claim, and does `then` with it; False when the claim is lost."""
        change = f"UPDATE tasks SET {assignments}, revision = revision + 1 {_MINE} RETURNING id, due_time"
        follow = f", followed AS ({then})" if then else ""
        rows = await self._rows(f"WITH changed AS ({change}){follow} SELECT id FROM changed", values)
        if rows:
            self._announce(str(values["id"]))
        return bool(rows)

    async def _rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        async def work(connection: Connection) -> list[tuple[Any, ...]]:
            cursor = await connection.execute(statement.encode(), values)
            return await cursor.fetchall()

        return await self._database.run(work)
