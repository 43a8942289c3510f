"""The HTTP server in the running event loop: bound by us, drained by us, deaf to signals."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

import uvicorn
from starlette.types import ASGIApp

from gateway.settings import GatewaySettings
from servicekit.errors import ConfigurationError

BACKLOG = 2048
IDLE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Listener:
    """Where HTTP is served."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """Address for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)  # noqa: S104 - it is replaced here
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


class _Server(uvicorn.Server):
    """Uvicorn's server that leaves signals to the process and says when it has started."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def listening(settings: GatewaySettings, app: ASGIApp) -> AsyncIterator[Listener]:
    """Serves HTTP until the context ends; running requests then get `drain_seconds` to end.

    Raises:
        ConfigurationError: The address is in use or not ours.
    """
    bound = bind(settings.host, settings.port)
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            lifespan="off",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            backlog=BACKLOG,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
        )
    )
    serving = asyncio.create_task(server.serve([bound]))
    try:
        await _either(serving, server.listening)
        yield Listener(settings.host, bound.getsockname()[1])
    finally:
        server.should_exit = True
        await serving
        bound.close()


async def _either(serving: "asyncio.Task[None]", started: asyncio.Event) -> None:
    """Returns when the server has started, and raises when it could not."""
    waiting = asyncio.create_task(started.wait())
    done: Sequence[object] = ()
    try:
        done, _ = await asyncio.wait((serving, waiting), return_when=asyncio.FIRST_COMPLETED)  # type: ignore[assignment]  # a set serves as well
    finally:
        waiting.cancel()
    if serving in done:
        await serving


def bind(host: str, port: int) -> socket.socket:
    """Returns a listening socket, without Nagle's delay; raises ConfigurationError if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol must be named: asyncio switches Nagle's algorithm off only where it reads TCP, and with it
    # on, an answer of two writes waits 40 ms for the client's delayed acknowledgement.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise ConfigurationError(
            f"Port {port} of {host} cannot be used ({error.strerror or error}): stop what listens there, "
            "or choose another port with --port or MCAI_PORT."
        ) from error
    bound.setblocking(False)
    return bound
