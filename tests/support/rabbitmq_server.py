"""A real RabbitMQ, that of Debian's package, one a test session and process, empty for each test."""

import os
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from amqp import Connection  # type: ignore[import-untyped]

from task_svc.model import TaskKind
from tests.support.requirements import require

# The script on the PATH changes to another user first, who cannot read a test's directories.
_SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
_START_SECONDS = 60.0
_END_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class RabbitmqServer:
    """A running server on a TCP port of its own."""

    port: int

    @property
    def address(self) -> str:
        """host:port; the target for a FaultyProxy."""
        return f"127.0.0.1:{self.port}"

    def url(self, *, address: str | None = None) -> str:
        """URL of the server, through host:port `address` (such as a FaultyProxy's) if it is given."""
        return f"amqp://guest:guest@{address or self.address}//"

    def connect(self) -> Connection:
        """A session of its own, without Celery."""
        connection = Connection(self.address, connect_timeout=5)
        connection.connect()
        return connection

    def remove_queues(self) -> None:
        """Removes the queues of tasks and what waits in them."""
        with self.connect() as connection:
            for kind in TaskKind:
                connection.channel().queue_delete(kind.value)


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RabbitmqServer]:
    """The session's RabbitMQ."""
    epmd = shutil.which("epmd")
    if not _SERVER.exists() or epmd is None:
        require("rabbitmq", f"Debian's package rabbitmq-server is not installed ({_SERVER})")
    directory = Path(tempfile.mkdtemp(prefix="mcai-rabbitmq-"))
    port, distribution, names = _free_ports(3)
    environment = {
        **os.environ,  # noqa: TID251 - tests have no settings.py
        "HOME": str(directory),
        "RABBITMQ_NODENAME": "mcai-test@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "pid"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_CONFIG_FILE": str(directory / "none"),
        "RABBITMQ_CONF_ENV_FILE": "/dev/null",
        # A node that finds no name server starts one, which would outlive it.
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, directory, ignore_errors=True)
        stack.enter_context(_running([epmd], environment))
        server = stack.enter_context(_running([str(_SERVER)], environment))
        if not _has_started(server):
            require("rabbitmq", f"it does not start within {_START_SECONDS:g} s")
        yield RabbitmqServer(port)


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RabbitmqServer) -> str:
    """URL of the session's RabbitMQ, emptied."""
    rabbitmq_server.remove_queues()
    return rabbitmq_server.url()


@contextmanager
def _running(command: list[str], environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(  # noqa: S603 - of this module's own words
        command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    with process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _has_started(server: subprocess.Popen[bytes]) -> bool:
    """Waits for its last words before it turns to its clients; False when it ends without them."""
    assert server.stdout is not None
    timer = threading.Timer(_START_SECONDS, server.kill)
    timer.start()
    try:
        return any(b"completed with" in line for line in server.stdout)
    finally:
        timer.cancel()


def _free_ports(number: int) -> list[int]:
    with ExitStack() as stack:
        listening = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in listening]
