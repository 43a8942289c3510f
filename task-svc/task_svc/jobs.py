"""What a Celery worker does with a ticket: claim the row, make the product, store it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from celery import Celery
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from task_svc import assembly
from task_svc.artifacts import FileArtifacts
from task_svc.attempts import Attempts
from task_svc.celery_app import JOB
from task_svc.errors import GeneratorFailed
from task_svc.fallback import PatientStore
from task_svc.generators import make
from task_svc.metrics import TaskMetrics
from task_svc.model import Parameters, Product, TaskKind
from task_svc.ports import Progress
from task_svc.settings import TaskSettings

_STORE_RETRY_SECONDS = 0.5
_CONNECTIONS = 2


class _Stopped(Exception):  # noqa: N818 - it is no error, it ends a generator that is not wanted
    """Raised out of a generator's progress report to end its work."""


class ThreadGenerator:
    """ports.Generator in a thread; the work ends at its next progress report when it is cancelled.

    The process around it is Celery's to kill, if a generator does not report.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="generator")

    async def generate(
        self, kind: TaskKind, parameters: Parameters, directory: Path, progress: Progress
    ) -> Product:
        """See ports.Generator."""
        loop, stopping = asyncio.get_running_loop(), threading.Event()

        def report(percent: float, stage: str) -> None:
            if stopping.is_set():
                raise _Stopped
            loop.call_soon_threadsafe(progress, percent, stage)

        work = loop.run_in_executor(self._thread, make, kind, parameters, directory, report)
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            stopping.set()
            # Whether it was stopped or had just ended, nobody wants its outcome any more.
            await asyncio.gather(work, return_exceptions=True)
            raise
        except Exception as error:
            raise GeneratorFailed(f"{type(error).__name__}: {error}", retryable=True) from error

    async def close(self) -> None:
        """See ports.Generator."""
        self._thread.shutdown(wait=False)


class Jobs:
    """The jobs of one worker process; its event loop and its connections are made after the fork."""

    def __init__(
        self,
        settings: TaskSettings,
        database_url: SecretStr,
        jitter: Callable[[], float],
        clock: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._database_url = database_url
        self._jitter = jitter
        self._clock = clock
        self._loop: asyncio.Runner | None = None
        self._claims: PatientStore | None = None
        self._attempts: Attempts | None = None

    def run(self, task_id: str, worker: str) -> None:
        """Carries a task out, unless it has been claimed, cancelled or finished already."""
        if self._loop is None:
            self._loop = asyncio.Runner()
        self._loop.run(self._run(task_id, worker))

    async def _run(self, task_id: str, worker: str) -> None:
        if self._claims is None or self._attempts is None:
            self._claims, self._attempts = self._opened()
        task = await self._claims.claim(task_id, worker, self._clock())
        if task is not None:
            await self._attempts.run(task)

    def _opened(self) -> tuple[PatientStore, Attempts]:
        store = assembly.postgres_store(self._settings, self._database_url, lambda _: None, _CONNECTIONS)
        claims = PatientStore(store, _STORE_RETRY_SECONDS)
        attempts = assembly.attempts(
            self._settings,
            claims,
            FileArtifacts(self._settings.artifacts_path),
            ThreadGenerator(),
            assembly.retry_policy(self._settings, self._jitter),
            TaskMetrics(CollectorRegistry()),
            self._clock,
        )
        return claims, attempts


def register(app: Celery, jobs: Jobs) -> None:
    """Makes the job known to the application of a worker."""

    @app.task(name=JOB, bind=True)  # type: ignore[untyped-decorator]  # celery has no types
    def run_task(self: Any, task_id: str) -> None:
        jobs.run(task_id, self.request.hostname)
