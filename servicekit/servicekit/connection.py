"""The connections below a channel: one in use, replaced by a fresh one when the peer has been away.

gRPC reconnects by itself, but two of its waits are not ours to set: the DNS resolver backs off up to two
minutes after names that were not found (a stopped container has no name), and a connection into a black
hole is given up only after the keepalive's 13 s. So while the breaker is open a fresh connection is made
and asked for its health again and again; when it answers it takes the old one's place, and the breaker
closes. Calls in progress stay on the connection that they began on.
"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from typing import Any, Final

import grpc
from grpc_health.v1 import health_pb2

from servicekit.background import ended
from servicekit.breaker import Breaker, State
from servicekit.tls import Tls

_CHECK: Final = "/grpc.health.v1.Health/Check"
# A probe need not wait as long as a caller might: the next one follows soon.
_MAX_PROBE_SECONDS: Final = 1.0


class Connection:
    """One gRPC channel and the calls that are running on it; closes when retired and idle."""

    def __init__(self, target: str, options: Sequence[tuple[str, Any]], tls: Tls | None = None) -> None:
        self.channel = (
            tls.channel(target, options) if tls is not None else grpc.aio.insecure_channel(target, options)  # noqa: TID251 - open_channel's own root
        )
        self._calls: set[grpc.aio.Call] = set()
        self._retired = False
        self._closing: asyncio.Task[None] | None = None

    @property
    def closed(self) -> bool:
        """Whether it was retired and has closed."""
        return self._closing is not None and self._closing.done()

    def track(self, call: grpc.aio.Call) -> None:
        """Keeps the connection open until the call has ended."""
        self._calls.add(call)
        call.add_done_callback(self._ended)

    def retire(self) -> None:
        """Closes the connection as soon as no call runs on it."""
        self._retired = True
        self._close_if_idle()

    def _ended(self, call: Any) -> None:
        # gRPC may call back twice: see request_stream.py.
        self._calls.discard(call)
        self._close_if_idle()

    def _close_if_idle(self) -> None:
        if self._retired and not self._calls and self._closing is None:
            self._closing = asyncio.get_running_loop().create_task(self.channel.close())


class Connections:
    """Holds the connection in use, and makes a fresh one while the breaker is open.

    Args:
        target: Where the peer is.
        options: gRPC's channel arguments.
        breaker: Opened by failing calls, closed from here.
        tls: What is shown to the peer, and asked of it; None for neither.
        only_serving: Whether a peer that answers NOT_SERVING is still away.
        jitter: A factor around 1.0 for the time between two tries, so that callers do not come in step.
    """

    def __init__(
        self,
        target: str,
        options: Sequence[tuple[str, Any]],
        breaker: Breaker,
        *,
        tls: Tls | None = None,
        only_serving: bool = True,
        jitter: Callable[[], float] = lambda: 0.75 + secrets.randbelow(500) / 1000,
    ) -> None:
        self.breaker = breaker
        self._target = target
        self._options = options
        self._tls = tls
        self._only_serving = only_serving
        self._jitter = jitter
        self._current = Connection(target, options, tls)
        self._retired: list[Connection] = []
        self._revival: asyncio.Task[None] | None = None
        breaker.supervise(self._begin_revival)

    @property
    def current(self) -> Connection:
        """The connection that a new call takes."""
        return self._current

    async def close(self, grace: float | None = None) -> None:
        """Closes all connections; their calls get `grace` seconds to end."""
        if self._revival is not None:
            await ended(self._revival)
        await asyncio.gather(*(each.channel.close(grace) for each in (*self._retired, self._current)))

    def _begin_revival(self) -> None:
        if self._revival is None or self._revival.done():
            self._revival = asyncio.get_running_loop().create_task(self._revive())

    async def _revive(self) -> None:
        while self.breaker.state is not State.CLOSED:
            await asyncio.sleep(self.breaker.reset_seconds * self._jitter())
            fresh = Connection(self._target, self._options, self._tls)
            try:
                alive = await self._answers(fresh)
            except BaseException:
                self._retire(fresh)
                raise
            if alive:
                old, self._current = self._current, fresh
                self._retire(old)
                self.breaker.close()
            else:
                self._retire(fresh)

    def _retire(self, connection: Connection) -> None:
        connection.retire()
        self._retired = [each for each in (*self._retired, connection) if not each.closed]

    async def _answers(self, connection: Connection) -> bool:
        check = connection.channel.unary_unary(
            _CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        timeout = min(self.breaker.budget_seconds, _MAX_PROBE_SECONDS)
        try:
            answer = await check(health_pb2.HealthCheckRequest(), timeout=timeout)
        except grpc.aio.AioRpcError as error:
            return error.code() is grpc.StatusCode.UNIMPLEMENTED  # it answers, though not about its health
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING) or not self._only_serving
