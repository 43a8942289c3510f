"""What a Celery worker does with a ticket: claim the row, make the product, store it."""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from celery import Celery
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from servicekit import spans
from task_svc import assembly
from task_svc.attempts import Attempts
from task_svc.celery_app import JOB
from task_svc.fallback import PatientStore
from task_svc.metrics import TaskMetrics
from task_svc.ports import Generator
from task_svc.settings import TaskSettings

_STORE_RETRY_SECONDS: Final = 0.5
_CONNECTIONS: Final = 2


class Drain:
    """How a worker tells its processes, which are forks, that it is about to end.

    A byte in a pipe that nobody reads: it is there for processes that are idle, busy or not yet forked.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._reading, self._writing = os.pipe()

    def begin(self) -> None:
        """Has what still runs after some seconds given back to the queue."""
        os.write(self._writing, b"x")

    async def bound(self, job: "asyncio.Task[None]") -> None:
        """Waits for a job, and cancels it some seconds after `begin`."""
        loop, began = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._reading, began.set)
        waiting = asyncio.create_task(began.wait())
        try:
            await asyncio.wait((job, waiting), return_when=asyncio.FIRST_COMPLETED)
            loop.remove_reader(self._reading)
            if not job.done():
                await asyncio.wait((job,), timeout=self._seconds)
                job.cancel()
            with suppress(asyncio.CancelledError):
                await job
        finally:
            loop.remove_reader(self._reading)
            waiting.cancel()


class Jobs:
    """The jobs of one worker process; its event loop and its connections are made after the fork.

    The loop runs in a thread of its own, for as long as the process lives: the generator's process rests
    there between two jobs, and is ended when none comes.

    Args:
        settings: Of the worker.
        database_url: Where the tasks are.
        generator: Makes the generator, in the loop.
        drain: Ends what runs when the worker ends.
        jitter: A factor around 1.0 for the waits before tries.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        settings: TaskSettings,
        database_url: SecretStr,
        generator: Callable[[], Generator],
        drain: Drain,
        jitter: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._database_url = database_url
        self._generator = generator
        self._drain = drain
        self._jitter = jitter
        self._clock = clock
        self._loop: asyncio.AbstractEventLoop | None = None
        self._claims: PatientStore | None = None
        self._attempts: Attempts | None = None

    def run(self, task_id: str, worker: str) -> None:
        """Carries a task out, unless it has been claimed, cancelled or finished already."""
        if self._loop is None:
            spans.configure(self._settings.otlp_endpoint, "task-worker")
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="jobs", daemon=True).start()
        asyncio.run_coroutine_threadsafe(self._bounded(task_id, worker), self._loop).result()

    async def _bounded(self, task_id: str, worker: str) -> None:
        await self._drain.bound(asyncio.create_task(self._run(task_id, worker)))

    async def _run(self, task_id: str, worker: str) -> None:
        if self._claims is None or self._attempts is None:
            self._claims, self._attempts = self._opened()
        task = await self._claims.claim(task_id, worker, self._clock())
        if task is not None:
            await self._attempts.run(task)

    def _opened(self) -> tuple[PatientStore, Attempts]:
        registry = CollectorRegistry()
        store = assembly.postgres_store(
            self._settings, self._database_url, lambda _: None, _CONNECTIONS, registry
        )
        claims = PatientStore(store, _STORE_RETRY_SECONDS)
        attempts = assembly.attempts(
            self._settings,
            claims,
            assembly.artifact_store(self._settings),
            self._generator(),
            assembly.retry_policy(self._settings, self._jitter),
            TaskMetrics(registry),
            self._clock,
        )
        return claims, attempts


def register(app: Celery, jobs: Jobs) -> None:
    """Makes the job known to the application of a worker."""

    @app.task(name=JOB, bind=True)  # type: ignore[untyped-decorator]  # celery has no types
    def run_task(self: Any, task_id: str) -> None:
        jobs.run(task_id, self.request.hostname)
