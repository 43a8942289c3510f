"""Several processes behind one listening socket: started, replaced without a gap, and ended together.

The parent binds the socket and serves no request itself. A worker is a process of its own that inherits the
socket, so what waits in its queue is never lost with a worker. It is told its settings over standard input,
whose end is also how it learns that the parent is gone, and says over standard output when it is ready, when
it has answered enough requests and wants to be replaced, and once a second what it has counted.
"""

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
from pydantic import SecretStr

from gateway.merged_figures import MergedFigures
from gateway.settings import GatewaySettings
from servicekit import logs
from servicekit.errors import ConfigurationError, Unavailable
from servicekit.health import Probe

DEPENDENCIES: Final = ("knowledge-svc", "dataset-svc", "task-svc", "monitor-svc", "redis")
JITTER: Final = 0.1
READY_SECONDS: Final = 60.0
_AGAIN_SECONDS: Final = 0.5
_MOST_AGAIN_SECONDS: Final = 10.0
_LINE_BYTES: Final = 4 * 1024 * 1024

_log = logs.get_logger(__name__)


class Order(msgspec.Struct):
    """What a worker is told: its settings, its socket, and after how many requests it is to be replaced."""

    settings: dict[str, Any]
    descriptor: int
    shared_dir: str
    recycle_after: int


class Ready(msgspec.Struct, tag=True):
    """A worker answers requests."""


class Tired(msgspec.Struct, tag=True):
    """A worker has answered as many requests as it was to."""


class Counted(msgspec.Struct, tag=True):
    """What a worker has counted, in Prometheus' text format, and what it works without."""

    text: str
    degraded: list[str]


Said: TypeAlias = Ready | Tired | Counted


class Worker:
    """One worker process and what it said last."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.ready = asyncio.Event()
        self.counted = Counted("", [])
        self.leaving = False

    def end(self) -> None:
        """Asks it to drain and stop."""
        self.leaving = True
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)


class Workers:
    """The worker processes of a gateway.

    Args:
        settings: What each is told; with the administrator's token that is theirs in common.
        bound: The listening socket.
        shared_dir: Where they keep what belongs to all of them.
        uniform: Makes a random number from 0 to 1.
    """

    def __init__(
        self,
        settings: GatewaySettings,
        bound: socket.socket,
        shared_dir: Path,
        uniform: Callable[[], float],
    ) -> None:
        self._settings = settings
        self._bound = bound
        self._shared_dir = shared_dir
        self._uniform = uniform
        self._workers: set[Worker] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.figures = MergedFigures(lambda: [each.counted.text for each in self._workers])

    @property
    def at_work(self) -> list[Worker]:
        """Those that answer requests."""
        return [each for each in self._workers if each.ready.is_set() and not each.leaving]

    def probes(self) -> tuple[Probe, ...]:
        """Returns the health of all together: serving while one answers, degraded by what any is without."""
        return (
            Probe("workers", self._check),
            *(Probe(name, self._check_for(name), critical=False) for name in DEPENDENCIES),
        )

    async def _check(self) -> None:
        if not self.at_work:
            raise Unavailable("No worker answers.")

    def _check_for(self, dependency: str) -> Callable[[], Awaitable[None]]:
        async def check() -> None:
            if any(dependency in each.counted.degraded for each in self.at_work):
                raise Unavailable(f"A worker works without {dependency}.")

        return check

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts all and waits until they answer; at the end of the block they drain.

        Raises:
            ConfigurationError: One could not start; it has said why on standard error.
        """
        try:
            await asyncio.gather(*(self._start() for _ in range(self._settings.workers)))
            yield
        finally:
            await self._stop()

    async def _start(self) -> Worker:
        descriptor = self._bound.fileno()
        order = Order(_plain(self._settings), descriptor, str(self._shared_dir), self._recycle_after())
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=_LINE_BYTES,
            pass_fds=(descriptor,),
            # A terminal's Ctrl-C is for the parent, which ends its workers in order.
            start_new_session=True,
        )
        worker = Worker(process)
        self._workers.add(worker)
        assert process.stdin is not None  # noqa: S101 - it was asked for
        process.stdin.write(msgspec.json.encode(order) + b"\n")
        self._beside(self._watch(worker))
        ready = asyncio.create_task(worker.ready.wait())
        ended = asyncio.create_task(process.wait())
        async with asyncio.timeout(READY_SECONDS):
            await asyncio.wait((ready, ended), return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if not worker.ready.is_set():
            raise ConfigurationError("A worker could not start; what it said stands above.")
        ended.cancel()
        return worker

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _watch(self, worker: Worker) -> None:
        """Hears what a worker says until it ends; one that ended by itself is replaced."""
        assert worker.process.stdout is not None  # noqa: S101 - it was asked for
        async for line in worker.process.stdout:
            said = msgspec.json.decode(line, type=Said)
            if isinstance(said, Ready):
                worker.ready.set()
            elif isinstance(said, Counted):
                worker.counted = said
            elif not (worker.leaving or self._stopping):
                self._beside(self._replace(worker))
        code = await worker.process.wait()
        self._workers.discard(worker)
        self.figures.keep(worker.counted.text)
        if not (worker.leaving or self._stopping) and worker.ready.is_set():
            _log.error("a worker ended by itself", pid=worker.process.pid, code=code)
            await self._start_again()

    async def _replace(self, worker: Worker) -> None:
        """The new one answers before the old one drains."""
        await self._start_again()
        _log.info("worker replaced", pid=worker.process.pid)
        worker.end()

    async def _start_again(self) -> None:
        pause = _AGAIN_SECONDS
        while not self._stopping:
            try:
                await self._start()
            except (ConfigurationError, OSError, TimeoutError) as error:
                _log.error("a worker does not start", error=str(error), again_in_seconds=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _MOST_AGAIN_SECONDS)
            else:
                return

    async def _stop(self) -> None:
        self._stopping = True
        # While a worker lives the socket does; the last one takes its queue along.
        self._bound.close()
        leaving = list(self._workers)
        for each in leaving:
            each.end()
        try:
            async with asyncio.timeout(2 * self._settings.drain_seconds + 5):
                await asyncio.gather(*(each.process.wait() for each in leaving))
        except TimeoutError:
            for each in leaving:
                if each.process.returncode is None:
                    each.process.kill()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _recycle_after(self) -> int:
        """With jitter, lest all of them go at once; 0 is never."""
        requests = self._settings.recycle_requests
        return round(requests * (1 + JITTER * (2 * self._uniform() - 1)))


def _plain(settings: GatewaySettings) -> dict[str, Any]:
    """The settings with their secrets: over a pipe to a process of ours, and nowhere else."""
    values = settings.model_dump()
    return {
        name: value.get_secret_value()
        if isinstance(value, SecretStr)
        else str(value)
        if isinstance(value, Path)
        else value
        for name, value in values.items()
    }
