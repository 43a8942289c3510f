"""What task-svc needs of the world."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from task_svc.model import (
    Admission,
    Artifact,
    Backlog,
    Failure,
    History,
    Parameters,
    Product,
    Submission,
    Task,
    TaskFilter,
    TaskKind,
    TaskState,
    Ticket,
)

Progress = Callable[[float, str], None]
"""Called by a generator with per cent done (0 to 100) and the name of the stage."""


class Tasks(Protocol):
    """The tasks as their owners see them.

    When the store is down every method raises `StoreUnavailable` within its time limit, having changed
    nothing; it is tried anew with each call. The fallback journals submissions, answers reads of what it
    journalled itself and refuses the rest.
    """

    @property
    def journalled(self) -> int:
        """Submissions that wait in the journal for the store."""

    async def submit(self, task: Task, admission: Admission) -> Submission:
        """Keep the task and its outbox row in one transaction; the same id and body give the first task.

        Raises `RequestConflict` for a known id with another body, and `QueueFull` when as many tasks are
        queued as are admitted.
        """

    async def get(self, task_id: str) -> Task:
        """The task with its position in the queue; raises `TaskNotFound`."""

    async def history(self, task_id: str, after_revision: int) -> History:
        """The task, and its changes since a revision; raises `TaskNotFound`."""

    async def newest(self, which: TaskFilter, before: tuple[float, str] | None, limit: int) -> list[Task]:
        """Tasks before (create_time, id), newest first; positions are not filled in."""

    async def cancel(self, task_id: str, now: float) -> tuple[Task, bool]:
        """The task, CANCELLED unless it had ended, and whether it was running; raises `TaskNotFound`."""

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """Tasks by kind and state."""

    async def ping(self) -> None:
        """Return if the store answers."""


class Claims(Protocol):
    """The tasks as those see them who work on them, and the outbox.

    `attempt` is the fencing number of a claim: a write with an old one changes nothing and returns False.
    A task that was cancelled or taken over tells its worker in this way.

    When the store is down every method raises `StoreUnavailable`; the fallback has nothing to claim then,
    and running attempts wait for the store with their result in their hands.
    """

    async def claim(self, task_id: str, worker: str, now: float) -> Task | None:
        """Take this task if it is queued and due; None if it is not, however often it was published."""

    async def claim_next(self, worker: str, now: float) -> Task | None:
        """Take the queued and due task that comes first; None if there is none."""

    async def beat(self, task_id: str, attempt: int, percent: float, stage: str, now: float) -> bool:
        """Note progress and that the worker lives; False when the claim is lost."""

    async def succeed(
        self, task_id: str, attempt: int, artifacts: Sequence[Artifact], result_json: str, now: float
    ) -> bool:
        """Complete the task; False when the claim is lost."""

    async def fail(
        self, task_id: str, attempt: int, failure: Failure, retry_at: float | None, now: float
    ) -> bool:
        """Count a failure, then queue again for `retry_at` or, if that is None, end FAILED.

        False when the claim is lost.
        """

    async def release(self, task_id: str, attempt: int, now: float) -> bool:
        """Queue again an attempt that was given up by nobody's fault; False when the claim is lost."""

    async def release_worker(self, worker: str, now: float) -> int:
        """Queue again whatever an earlier life of this worker had claimed; returns how many."""

    async def outbox(self, limit: int, now: float) -> list[Ticket]:
        """Tickets that are due to be published, the most urgent first."""

    async def published(self, task_ids: Collection[str], now: float) -> None:
        """Take tickets out of the outbox."""

    async def republish(self, published_before: float, limit: int, now: float) -> int:
        """Put queued tasks back into the outbox, those first that were published longest ago.

        Returns how many there were that were published before then, `limit` at the most.
        """

    async def running(self) -> list[Task]:
        """All running tasks; their revision grows with every sign of life."""

    async def forget(self, ended_before: float, limit: int) -> int:
        """Remove at most `limit` tasks that ended before then; returns how many."""

    async def forget_progress(self, before: float) -> None:
        """Remove the progress of tasks, but not their transitions, that was made before then."""

    async def unused(self, digests: frozenset[str]) -> frozenset[str]:
        """Those of some artefacts that no task names; while the store is away, all count as used."""

    async def counts(self) -> Mapping[tuple[TaskKind, TaskState], int]:
        """Tasks by kind and state."""

    async def backlog(self, now: float) -> Backlog:
        """What waits to be published and to be worked on."""


class TaskStore(Tasks, Claims, Protocol):
    """The system of record of tasks and of the outbox; see its two sides."""

    async def close(self) -> None:
        """Give everything back."""


class Queue(Protocol):
    """Carries tickets to the workers.

    When the broker is away every method raises an error of `AWAY` in under a second, `BrokerUnavailable`
    as a rule; a ticket stays in the outbox then, and the fallback has the local pool claim the rows.
    """

    async def publish(self, tickets: Sequence[Ticket]) -> frozenset[str]:
        """Hand tickets over; returns the ids that were taken. A ticket may be delivered twice."""

    async def waiting(self) -> int:
        """Messages that wait in the queues, without those that a worker has taken."""

    async def workers(self) -> int:
        """Workers that answer, counted up to the first."""

    async def close(self) -> None:
        """Give everything back."""


class Dispatch(Protocol):
    """Brings work to whoever carries it out, and stops it there. It never fails: see fallback.py."""

    @property
    def runner(self) -> str:
        """Who carries tasks out at this moment: "celery" or "local"."""

    def submitted(self) -> None:
        """New work was committed; to be called within the request, which is told of what is degraded."""

    async def stop(self, task_id: str) -> None:
        """Stop the work on a task that was cancelled while it was running."""


class Generator(Protocol):
    """Makes what a task asks for, outside the event loop.

    Cancelling the call stops the work at once, or at its next progress report. When a worker process is
    killed in the middle, the attempt fails with `GeneratorFailed` and may be tried again.
    """

    async def generate(
        self, kind: TaskKind, parameters: Parameters, directory: Path, progress: Progress
    ) -> Product:
        """The product, its files in `directory`; raises `GeneratorFailed`."""

    async def close(self) -> None:
        """Stop what is running and give everything back."""


class ArtifactStore(Protocol):
    """The bytes of artefacts, found by their SHA-256.

    A full or missing disk raises `StoreUnavailable`, and leaves nothing half-written under a final name.
    """

    def scratch(self) -> AbstractContextManager[Path]:
        """Lends an empty directory for one attempt, and removes it with whatever was not adopted."""

    async def adopt(self, product: Product) -> list[Artifact]:
        """Keep the product's files durably; the files are moved, not copied."""

    def read(self, artifact: Artifact, offset: int, length: int) -> AsyncIterator[bytes]:
        """The bytes from `offset`, `length` of them (0: to the end), in pieces of 64 KiB at the most.

        Raises `ArtifactNotFound`, and `ArtifactCorrupt` before the first piece when the SHA-256 is wrong.
        """

    async def unchanged_since(self, before: float) -> frozenset[str]:
        """Digests of the artefacts that were last stored before then; none while the place is away."""

    async def remove(self, digest: str, before: float) -> bool:
        """Remove an artefact unless it was stored anew since; returns whether it is gone by this call."""

    def sweep_scratch(self, older_than: float) -> None:
        """Remove what killed workers left behind before then (seconds since the epoch)."""
