"""One attempt at a claimed task, the same in the local pool and in a Celery worker.

While the generator works, the attempt keeps telling the store how far it is. That is also its sign of
life, and how it learns that its claim is lost: cancelled, or taken over by somebody else.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from servicekit import tracing
from servicekit.errors import ServiceError
from servicekit.logs import get_logger
from task_svc.errors import GeneratorFailed
from task_svc.metrics import TaskMetrics
from task_svc.model import Artifact, Failure, Task, TaskKind
from task_svc.ports import ArtifactStore, Claims, Generator

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and when a task that failed is tried again.

    Attributes:
        most_failures: Failures after which a task has failed for good.
        most_attempts: Claims after which it has, since its workers ended in the middle each time.
        first_wait_seconds: The wait after the first failure; it doubles with each further one.
        jitter: A factor around 1.0 for each wait, so that tasks that failed together do not come together.
    """

    most_failures: int
    most_attempts: int
    first_wait_seconds: float
    jitter: Callable[[], float]

    def exhausted(self, task: Task) -> bool:
        """Whether a claimed task has cost so many workers that it is not even tried."""
        return task.attempts > self.most_attempts

    def verdict(self, task: Task, failure: Failure, now: float) -> tuple[Failure, float | None]:
        """Returns the failure as it is kept, and when to try again; None if it is final."""
        failures = task.failures + 1
        if not failure.retryable:
            return failure, None
        if failures >= self.most_failures:
            return Failure(f"{failure.reason} It was tried {failures} times.", retryable=False), None
        return failure, now + self.first_wait_seconds * 2.0 ** (failures - 1) * self.jitter()


@dataclass(frozen=True, slots=True)
class Pace:
    """Times of an attempt, in seconds.

    Attributes:
        beat_seconds: Longest silence between two signs of life.
        progress_seconds: Shortest time between two of them.
        limit_seconds: What an attempt may take, by kind.
    """

    beat_seconds: float
    progress_seconds: float
    limit_seconds: Mapping[TaskKind, float]


@dataclass(slots=True)
class _Progress:
    """How far an attempt is, as its generator told last."""

    changed: asyncio.Event
    percent: float = 0.0
    stage: str = "starting"

    def note(self, percent: float, stage: str) -> None:
        self.percent, self.stage = percent, stage
        self.changed.set()


class Attempts:
    """Carries claimed tasks out, to a product or a failure in the store."""

    def __init__(
        self,
        store: Claims,
        artifacts: ArtifactStore,
        generator: Generator,
        retry: RetryPolicy,
        pace: Pace,
        metrics: TaskMetrics,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._generator = generator
        self._retry = retry
        self._pace = pace
        self._metrics = metrics
        self._clock = clock

    async def run(self, task: Task) -> None:
        """Returns when the attempt has ended and the store knows, or the claim is lost.

        Cancelling it stops the work and, unless the task was cancelled, queues it again.
        """
        with tracing.span(f"task {task.kind.value}", task.traceparent):
            tracing.describe(f"task {task.kind.value}", task_id=task.id, attempt=task.attempts)
            await self._run(task)

    async def _run(self, task: Task) -> None:
        if self._retry.exhausted(task):
            await self._settle(task, _given_up(task))
            return
        started = self._clock()
        limit = self._pace.limit_seconds[task.kind]
        progress = _Progress(asyncio.Event())
        work = asyncio.create_task(self._work(task, progress))
        watch = asyncio.create_task(self._tell(task, progress))
        try:
            await asyncio.wait((work, watch), timeout=limit, return_when=asyncio.FIRST_COMPLETED)
            outcome = await _outcome(work, late=not watch.done(), limit=limit)
            watch.cancel()
            await asyncio.wait((watch,))
        except asyncio.CancelledError:
            await _stopped(work, watch)
            await self._store.release(task.id, task.attempts, self._clock())
            raise
        kept = await self._settle(task, outcome)
        result = "lost" if not kept else "failed" if isinstance(outcome, Failure) else "succeeded"
        _log.info("attempt ended", task_id=task.id, attempt=task.attempts, outcome=result)
        self._metrics.attempts.labels(task.kind.value, result).inc()
        self._metrics.attempt_seconds.labels(task.kind.value).observe(self._clock() - started)

    async def _work(self, task: Task, progress: _Progress) -> tuple[list[Artifact], str]:
        with self._artifacts.scratch() as directory:
            product = await self._generator.generate(
                task.kind, json.loads(task.parameters_json), directory, progress.note
            )
            progress.note(99.0, "storing")
            artifacts = await self._artifacts.adopt(product)
        return artifacts, json.dumps(product.result, separators=(",", ":"))

    async def _tell(self, task: Task, progress: _Progress) -> None:
        """Tells the store of progress; returns when the claim is lost."""
        alive = True
        while alive:
            await asyncio.sleep(self._pace.progress_seconds)
            try:
                async with asyncio.timeout(self._pace.beat_seconds - self._pace.progress_seconds):
                    await progress.changed.wait()
            except TimeoutError:
                pass  # nothing new to tell but that it lives
            progress.changed.clear()
            alive = await self._store.beat(
                task.id, task.attempts, progress.percent, progress.stage, self._clock()
            )

    async def _settle(self, task: Task, outcome: tuple[list[Artifact], str] | Failure | None) -> bool:
        """Has the store keep the outcome; returns False if the claim is lost."""
        if outcome is None:
            return False
        if not isinstance(outcome, Failure):
            artifacts, result = outcome
            return await self._store.succeed(task.id, task.attempts, artifacts, result, self._clock())
        kept, retry_at = self._retry.verdict(task, outcome, self._clock())
        _log.warning("attempt failed", task_id=task.id, reason=outcome.reason, final=retry_at is None)
        return await self._store.fail(task.id, task.attempts, kept, retry_at, self._clock())


def _given_up(task: Task) -> Failure:
    return Failure(f"Its worker stopped without a word {task.attempts - 1} times.", retryable=False)


async def _outcome(
    work: "asyncio.Task[tuple[list[Artifact], str]]", *, late: bool, limit: float
) -> tuple[list[Artifact], str] | Failure | None:
    """Returns what the work came to, None when it was stopped because its claim is lost."""
    if not work.done():
        await _stopped(work)
        return Failure(f"It took longer than {limit:g} s.", retryable=False) if late else None
    try:
        return work.result()
    except GeneratorFailed as error:
        return Failure(error.reason, retryable=error.retryable)
    except ServiceError as error:
        return Failure(error.message, retryable=True)


async def _stopped(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
