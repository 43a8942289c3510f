"""The composition root of task-svc."""

import random
import socket
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from prometheus_client import CollectorRegistry

from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit.background import in_background
from servicekit.breaker import Breaker
from servicekit.degrade import Degradation
from servicekit.health import Probe
from servicekit.held import HeldMetrics
from servicekit.identifiers import new_id
from servicekit.journal import Journal, Replayer
from servicekit.metrics import shared
from servicekit.server import GrpcServer, Registration, run_service
from task_svc import assembly
from task_svc.dispatch import CeleryDispatch, PoolDispatch
from task_svc.fallback import JournallingStore, PatientStore, PooledQueue
from task_svc.local_pool import LocalPool
from task_svc.metrics import TaskMetrics
from task_svc.model import Admission
from task_svc.ports import Claims, Dispatch, Tasks
from task_svc.processes import ProcessGenerator
from task_svc.reconciler import Patience, Reconciler
from task_svc.relay import Relay
from task_svc.service import TaskService
from task_svc.servicer import TaskServicer
from task_svc.settings import TaskSettings
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase
from task_svc.sweeper import Sweeper
from task_svc.watching import Announcements, Watcher

NAME: Final = "task-svc"
_STORE_RETRY_SECONDS: Final = 0.5
_DAY_SECONDS: Final = 86_400.0


@asynccontextmanager
async def running(settings: TaskSettings, registry: CollectorRegistry) -> AsyncIterator[GrpcServer]:
    """Run the service until the context ends; raises ConfigurationError when it cannot start."""
    async with AsyncExitStack() as stack:
        metrics, announcements = TaskMetrics(registry), Announcements()
        artifacts = assembly.artifact_store(settings)
        await _listen(stack, settings, announcements)
        tasks, claims, probe = await _stores(stack, settings, registry, announcements)
        retry = assembly.retry_policy(settings, _jitter)
        generator = ProcessGenerator(settings.local_pool_processes, settings.local_pool_idle_seconds)
        stack.push_async_callback(generator.close)
        attempts = assembly.attempts(settings, claims, artifacts, generator, retry, metrics, time.time)
        pool = LocalPool(
            claims,
            attempts,
            f"local@{socket.gethostname()}:{settings.data_dir}",
            settings.local_pool_processes,
            settings.poll_seconds,
            time.time,
        )
        queue = await _queue(stack, settings, registry, pool)
        patience = Patience(settings.reconcile_seconds, settings.silence_seconds, settings.ticket_seconds)
        reconciler = Reconciler(claims, queue, patience, metrics, time.time, time.monotonic)
        dispatch: Dispatch = PoolDispatch(pool)
        if queue is not None:
            pool.switch(on=False)
            relay = Relay(claims, queue, settings.relay_seconds, metrics, time.time)
            dispatch = CeleryDispatch(relay, queue, pool)
            await stack.enter_async_context(in_background("relay", relay.run))
        await stack.enter_async_context(in_background("pool", pool.run))
        await stack.enter_async_context(in_background("reconciler", reconciler.run))
        sweeper = Sweeper(
            claims, artifacts, settings.retention_days * _DAY_SECONDS, settings.sweep_seconds, time.time
        )
        await stack.enter_async_context(in_background("sweeper", sweeper.run))
        service = TaskService(
            tasks,
            artifacts,
            dispatch,
            Watcher(tasks, announcements, settings.poll_seconds),
            Admission(settings.max_queued, settings.max_queued_per_user),
            metrics,
            new_id,
            time.time,
        )
        server = GrpcServer(settings, NAME, [_registration(service)], [probe], registry)
        yield await stack.enter_async_context(server)


async def _listen(stack: AsyncExitStack, settings: TaskSettings, announcements: Announcements) -> None:
    """Has watchers told of what other processes change; a SQLite file has no other process."""
    if settings.database_url is None:
        announcements.complete = True
        return
    # psycopg takes 60 ms and 10 MB to import, which the embedded system saves.
    from task_svc.postgres_changes import ChangeListener  # noqa: PLC0415

    budget = settings.store_budget_ms / 1000
    listener = ChangeListener(settings.database_url, announcements, budget, _STORE_RETRY_SECONDS)
    await stack.enter_async_context(in_background("changes", listener.run))


async def _stores(
    stack: AsyncExitStack, settings: TaskSettings, registry: CollectorRegistry, announcements: Announcements
) -> tuple[Tasks, Claims, Probe]:
    """Opens the store: its two sides and its health probe."""
    if settings.database_url is None:
        database = await SqliteDatabase.open(settings.data_dir / "tasks.sqlite")
        local = SqliteTaskStore(database, announcements.announce)
        stack.push_async_callback(local.close)
        return local, PatientStore(local, _STORE_RETRY_SECONDS), Probe("sqlite", local.ping)
    store = assembly.postgres_store(
        settings, settings.database_url, announcements.announce, settings.store_connections, registry
    )
    stack.push_async_callback(store.close)
    journal = await stack.enter_async_context(Journal(settings.data_dir / "journal.sqlite"))
    tasks = JournallingStore(store, journal, Degradation("postgres", registry))
    await tasks.open()
    await stack.enter_async_context(Replayer(journal, tasks.replay, registry, name="tasks"))
    # Not critical: the journal stands in for it.
    probe = Probe("postgres", tasks.ping, critical=False)
    return tasks, PatientStore(store, _STORE_RETRY_SECONDS), probe


async def _queue(
    stack: AsyncExitStack, settings: TaskSettings, registry: CollectorRegistry, pool: LocalPool
) -> PooledQueue | None:
    """Opens the queue; None in embedded mode, where the pool does all work."""
    if settings.broker_url is None:
        return None
    # Celery takes 110 ms and 15 MB to import, which the embedded system saves.
    from task_svc.celery_queue import CeleryQueue  # noqa: PLC0415

    breaker = shared(registry, HeldMetrics).watch_breaker(
        Breaker("broker", budget_seconds=settings.broker_budget_ms / 1000, reset_seconds=0.5)
    )
    queue = PooledQueue(
        CeleryQueue(settings.broker_url, breaker, settings.limits),
        pool,
        Degradation("broker", registry),
        settings.worker_grace_seconds,
        time.monotonic,
    )
    stack.push_async_callback(queue.close)
    return queue


def _registration(service: TaskService) -> Registration:
    full_name = task_pb2.DESCRIPTOR.services_by_name["TaskService"].full_name
    return Registration(TaskServicer(service), task_pb2_grpc.add_TaskServiceServicer_to_server, full_name)


def _jitter() -> float:
    return random.uniform(0.75, 1.25)  # noqa: S311 - it spreads retries, it guards nothing


def main() -> None:
    """Serve until SIGTERM or SIGINT."""
    run_service(TaskSettings, running)


if __name__ == "__main__":
    main()
