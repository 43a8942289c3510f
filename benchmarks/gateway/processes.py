"""The processes that are measured: the gateway before its services, and what it is compared with."""

import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

import psutil

from benchmarks.gateway.load import ask, post

_START_SECONDS: Final = 60.0
_SERVICES: Final = ("dataset", "knowledge", "task", "monitor")


class Server:
    """Processes that answer HTTP together, at one port.

    Attributes:
        port: Theirs.
        pids: Their ids; the one that speaks HTTP is the first.
    """

    def __init__(self, port: int, pids: list[int]) -> None:
        self.port = port
        self.pids = pids
        self._processes = [psutil.Process(pid) for pid in pids]

    def cpu_seconds(self) -> float:
        """CPU time that they have used, in seconds."""
        return sum(sum(each.cpu_times()[:2]) for each in self._processes)

    def memory_mb(self) -> float:
        """Memory of the one that speaks HTTP that is its own, in MB (2**20 bytes)."""
        return float(self._processes[0].memory_full_info().uss) / 2**20


@asynccontextmanager
async def echo(size: int) -> AsyncIterator[Server]:
    """The echo alone."""
    port = _free_port()
    async with process("benchmarks.gateway.echo", str(port), str(size)) as pid:
        await _answers(port, "/api/chat")
        yield Server(port, [pid])


@asynccontextmanager
async def echo_with_hop(size: int, directory: Path) -> AsyncIterator[Server]:
    """The echo and the process that it calls."""
    port, address = _free_port(), f"unix:{directory}/hop.sock"
    async with (
        process("benchmarks.gateway.echo", "hop", str(size), address) as hop,
        process("benchmarks.gateway.echo", str(port), str(size), address) as pid,
    ):
        await _answers(port, "/hop")
        yield Server(port, [pid, hop])


@asynccontextmanager
async def gateway(
    directory: Path, services: Mapping[str, str] | None = None, **settings: str
) -> AsyncIterator[Server]:
    """The gateway in a process of its own, before the four services in processes of their own.

    `services` are settings of these, the others of the gateway.
    """
    port = _free_port()
    async with AsyncExitStack() as stack:
        common = {
            "MCAI_LOG_LEVEL": "WARNING",
            **{f"MCAI_{name.upper()}_TARGET": f"unix:{directory}/{name}.sock" for name in _SERVICES},
            "MCAI_GATEWAY_TARGET": f"unix:{directory}/gateway.sock",
        }
        pids = []
        for name in _SERVICES:
            place = {
                "MCAI_LISTEN": f"unix:{directory}/{name}.sock",
                "MCAI_DATA_DIR": str(directory / name),
            }
            pids.append(
                await stack.enter_async_context(process(f"{name}_svc", **common, **place, **(services or {})))
            )
        place = {
            "MCAI_LISTEN": f"unix:{directory}/gateway.sock",
            "MCAI_DATA_DIR": str(directory / "gateway"),
            "MCAI_PORT": str(port),
        }
        pid = await stack.enter_async_context(process("gateway", **common, **place, **settings))
        await _answers(port, "/api/chat")
        yield Server(port, [pid, *pids])


@asynccontextmanager
async def process(module: str, *arguments: str, **settings: str) -> AsyncIterator[int]:
    """A module that runs in a process of its own with these settings alone; gives its id."""
    environment = {"PATH": os.defpath, **settings}
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", module, *arguments, env=environment)
    try:
        yield process.pid
    finally:
        if process.returncode is None:
            process.terminate()
            await process.wait()


async def _answers(port: int, path: str) -> None:
    question = post(path, b'{"message": "what can you do?"}')
    async with asyncio.timeout(_START_SECONDS):
        while True:
            try:
                if not (load := await ask(port, [question], count=1, connections=1)).failed and load.took:
                    return
            except OSError:  # it does not listen yet
                pass
            await asyncio.sleep(0.05)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
