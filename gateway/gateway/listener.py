"""The HTTP server in the running event loop: bound by us, drained by us, deaf to signals."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast

import uvicorn
from starlette.types import ASGIApp

from gateway.connections import ConnectionLimits, GuardedProtocol
from gateway.problems import MAX_HEADER_BYTES
from gateway.settings import GatewaySettings
from servicekit.errors import ConfigurationError

BACKLOG: Final = 2048
LAST_ROUND_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.02


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
    """Uvicorn's server that leaves signals to the process, says when it has started, and drops nobody.

    Args:
        config: Uvicorn's.
        limits: What the connections may do.
        bound: The listening socket.
        last_round_seconds: How long every answer tells its client to come back elsewhere, before the door
            closes.
    """

    def __init__(
        self,
        config: uvicorn.Config,
        limits: ConnectionLimits,
        bound: socket.socket,
        last_round_seconds: float,
    ) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._limits = limits
        self._bound = bound
        self._last_round_seconds = last_round_seconds

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Drains: whoever is connected is told with an answer, who knocks at the last moment is let in."""
        loop = asyncio.get_running_loop()
        self._limits.draining = True
        for connection in self._connections():
            connection.begin_draining()
        end = loop.time() + self._last_round_seconds
        # uvicorn keeps a set, and tells nobody when it is empty.
        while self.server_state.connections and loop.time() < end:  # noqa: ASYNC110 - see above
            await asyncio.sleep(_LOOK_SECONDS)
        waiting = _accepted(self._bound)
        for server in self.servers:
            server.close()
        for accepted in waiting:
            await loop.connect_accepted_socket(self._protocol, accepted)
        await super().shutdown(sockets)

    def _connections(self) -> list[GuardedProtocol]:
        return [cast("GuardedProtocol", each) for each in self.server_state.connections]

    def _protocol(self) -> asyncio.Protocol:
        make = cast("Any", self.config.http_protocol_class)
        made: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return made


def _accepted(bound: socket.socket) -> list[socket.socket]:
    """Takes those who are connected and not served yet: closing the door would cut them off."""
    taken: list[socket.socket] = []
    while len(taken) < BACKLOG:
        try:
            taken.append(bound.accept()[0])
        except OSError:  # nobody waits
            break
    return taken


@asynccontextmanager
async def listening(
    settings: GatewaySettings, app: ASGIApp, bound: socket.socket | None = None
) -> AsyncIterator[Listener]:
    """Serves HTTP until the context ends; running requests then get `drain_seconds` to end.

    Args:
        settings: Where, and within which limits.
        app: What answers.
        bound: A socket that listens already; unless given, one is made.

    Raises:
        ConfigurationError: The address is in use or not ours.
    """
    bound = bound or bind(settings.host, settings.port)
    limits = ConnectionLimits(
        head_seconds=settings.head_timeout_seconds,
        max_head_bytes=MAX_HEADER_BYTES,
        stalled_seconds=settings.stalled_timeout_seconds,
        max_requests=settings.max_connection_requests,
        max_connections=settings.max_connections,
    )
    config = uvicorn.Config(
        app,
        http=cast("Any", partial(GuardedProtocol, limits)),
        loop="none",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        backlog=BACKLOG,
        timeout_keep_alive=settings.idle_timeout_seconds,
        timeout_graceful_shutdown=max(1, round(settings.drain_seconds)),
    )
    server = _Server(config, limits, bound, min(LAST_ROUND_SECONDS, settings.drain_seconds / 2))
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
