"""ports.Generator in processes of our own, so that a task can be stopped whatever it is doing.

A process is started when there is work for it, keeps numpy loaded for the next task, and is ended after
some idle seconds, so that the idle system stays small, or after some jobs, so that no leak of a library
grows. It is a fresh interpreter and no fork: the service has threads and open connections, which a fork
would inherit.
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from task_svc.errors import GeneratorFailed
from task_svc.model import MadeFile, Parameters, Product, TaskKind
from task_svc.ports import Progress

_MESSAGE_BYTES: Final = 1024 * 1024
_LAST_WORDS_SECONDS: Final = 1.0
_JOBS_PER_PROCESS: Final = 100
_LEAST_NICE: Final = 19


class ProcessGenerator:
    """At most `processes` children, each ended after `idle_seconds` without work or after some jobs."""

    def __init__(
        self, processes: int, idle_seconds: float, jobs_per_process: int = _JOBS_PER_PROCESS
    ) -> None:
        self._slots = asyncio.Semaphore(processes)
        self._idle_seconds = idle_seconds
        self._jobs_per_process = jobs_per_process
        self._jobs: dict[Process, int] = {}
        self._idle: dict[Process, asyncio.TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._busy: set[Process] = set()

    @property
    def pids(self) -> list[int]:
        """Process ids of the children that are working."""
        return [process.pid for process in self._busy]

    async def generate(
        self, kind: TaskKind, parameters: Parameters, directory: Path, progress: Progress
    ) -> Product:
        """See ports.Generator."""
        job = {"kind": kind.value, "parameters": dict(parameters), "directory": str(directory)}
        async with self._slots:
            process = await self._take()
            try:
                answer = await _converse(process, job, progress)
            except BaseException:
                self._jobs.pop(process)
                await _kill(process)
                raise
            finally:
                self._busy.discard(process)
            self._rest(process)
        if "error" in answer:
            raise GeneratorFailed(answer["error"], retryable=True)
        files = tuple(MadeFile(name, media_type, Path(path)) for name, media_type, path in answer["files"])
        return Product(files, answer["result"])

    async def close(self) -> None:
        """Ends the idle children; attempts that run are cancelled by whoever started them."""
        for process in list(self._idle):
            self._retire(process)
        await asyncio.gather(*self._ending)

    async def _take(self) -> Process:
        while self._idle:
            process, timer = self._idle.popitem()
            timer.cancel()
            if process.returncode is None:
                break
            self._jobs.pop(process)
        else:
            command = (sys.executable, "-P", "-m", "task_svc.pool_child")
            # A session of its own keeps the terminal's Ctrl-C from it: the service ends it in order.
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, limit=_MESSAGE_BYTES, start_new_session=True
            )
            # From here, since the start of an interpreter and of numpy is a second of work as well.
            _give_way(process.pid)
        self._busy.add(process)
        self._jobs[process] = self._jobs.get(process, 0) + 1
        return process

    def _rest(self, process: Process) -> None:
        if self._jobs[process] >= self._jobs_per_process:
            self._retire(process)
            return
        loop = asyncio.get_running_loop()
        self._idle[process] = loop.call_later(self._idle_seconds, self._retire, process)

    def _retire(self, process: Process) -> None:
        timer = self._idle.pop(process, None)
        if timer is not None:
            timer.cancel()
        self._jobs.pop(process)
        ending = asyncio.create_task(_end(process))
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


def _give_way(pid: int) -> None:
    """Has a process work only when nobody else wants the processor: the services' requests come first.

    Being nice alone leaves heavy work a share that a short request feels: measured on two processors with
    four of these at work, half the chats took 20 ms beside nice ones and 7 ms beside idle ones.
    """
    # It may have ended already, and a sandbox may forbid it.
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, pid, _LEAST_NICE)
        if sys.platform == "linux":
            os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


async def _converse(process: Process, job: dict[str, Any], progress: Callable[[float, str], None]) -> Any:
    """Gives a process a job and returns its last message; raises GeneratorFailed when it dies."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101 - both are pipes
    try:
        process.stdin.write(json.dumps(job).encode() + b"\n")
        await process.stdin.drain()
        while line := await process.stdout.readline():
            message = json.loads(line)
            if "percent" not in message:
                return message
            progress(message["percent"], message["stage"])
    except ConnectionError:
        pass
    raise GeneratorFailed(_obituary(await process.wait()), retryable=True)


def _obituary(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return f"The worker process was killed ({name})."
    return f"The worker process ended with exit code {code}."


async def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()
    await asyncio.shield(process.wait())


async def _end(process: Process) -> None:
    """Closes a child's stdin, which ends it, and kills it if it does not listen."""
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.close()
    try:
        async with asyncio.timeout(_LAST_WORDS_SECONDS):
            await process.wait()
    except TimeoutError:
        await _kill(process)
