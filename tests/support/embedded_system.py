"""`mcai run` as a person starts it: a process of its own, on a free port and a data directory."""

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2

READY = re.compile(r"ready at (http://\S+)")
START_SECONDS = 60.0
STOP_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended and what it wrote to standard error."""

    code: int
    errors: str


@dataclass(slots=True)
class EmbeddedSystem:
    """A running system."""

    process: asyncio.subprocess.Process
    url: str
    client: httpx2.AsyncClient

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> Ended:
        """Send a signal and wait for the end."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with asyncio.timeout(STOP_SECONDS):
            _, errors = await self.process.communicate()
        assert self.process.returncode is not None
        return Ended(self.process.returncode, errors.decode())


async def spawn(*arguments: str) -> asyncio.subprocess.Process:
    """Start `mcai ARGUMENTS`."""
    return await asyncio.create_subprocess_exec(
        str(Path(sys.executable).parent / "mcai"),
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.defpath},
    )


@asynccontextmanager
async def embedded_system(data_dir: Path, *arguments: str) -> AsyncIterator[EmbeddedSystem]:
    """A system on `data_dir`; it is stopped at the end if the test has not done so."""
    process = await spawn("run", "--port", "0", "--data-dir", str(data_dir), *arguments)
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_SECONDS):
            line = (await process.stdout.readline()).decode()
        found = READY.search(line)
        assert found, f"not ready: {line!r} {(await process.communicate())[1].decode()}"
        async with httpx2.AsyncClient(base_url=found[1], timeout=20.0) as client:
            yield EmbeddedSystem(process, found[1], client)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
