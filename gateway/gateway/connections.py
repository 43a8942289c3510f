"""One HTTP connection, guarded: nobody holds it by sending or by reading slowly.

uvicorn's protocol knows a time for idle connections alone. This one also bounds how long a request's head may
take and how large it may be, how long a client may stop reading its answer, how many requests a connection
lives for, and how many connections there are. What is refused here is a problem as elsewhere.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gateway import problems
from gateway.heads import ARRIVED
from servicekit.errors import InvalidArgument, ServiceError

_CLOSING_SECONDS: Final = 1.0

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# On every answer, whoever gives it; no route sets one of these itself.
_SECURITY: Final = "".join(
    f"{name}: {value}\r\n"
    for name, value in {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }.items()
).encode()
_END_OF_LINE: Final = b"\r\n"
_CONTINUE: Final = b"HTTP/1.1 100 "


@dataclass(slots=True)
class ConnectionLimits:
    """What a connection may do.

    Attributes:
        head_seconds: Time in which a request's line and headers must have arrived, from its first byte, and
            on a new connection from the beginning.
        max_head_bytes: Size of these.
        stalled_seconds: Time after which a client that does not read its answer is cut off.
        max_requests: Answers after which a connection is closed, so that clients find new replicas.
        max_connections: Connections at a time; one more is told 503.
        draining: Whether every answer is the last one of its connection.
    """

    head_seconds: float
    max_head_bytes: int
    stalled_seconds: float
    max_requests: int
    max_connections: int
    draining: bool = False


class GuardedProtocol(HttpToolsProtocol):
    """A connection within its limits; `functools.partial(GuardedProtocol, limits)` is uvicorn's `http`."""

    def __init__(self, limits: ConnectionLimits, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._requests = 0
        self._head_bytes = 0
        self._in_head = True
        self._whole = False
        self._leaving = False
        self._head_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """Begins; one connection too many is told so and closed."""
        super().connection_made(transport)
        if len(self.connections) > self._limits.max_connections:
            self._refuse(problems.Overloaded("The gateway has as many connections as it can have."))
            return
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends, with all of its timers."""
        _cancel(self._head_timer)
        _cancel(self._stall_timer)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Takes what arrived, within the size of a head; what comes after the last answer is thrown away."""
        if self._leaving:
            return
        self._whole = False
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self._whole or self.transport.is_closing():
            return
        # Only now: most requests come whole, and need no clock.
        if self._head_timer is None:
            self._await_head()
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse(
                problems.HeadersTooLarge(
                    f"The headers are larger than {self._limits.max_head_bytes:,} bytes."
                )
            )

    def on_headers_complete(self) -> None:
        """Begins a request; the last one that this connection may make is told to be it."""
        self._in_head = False
        _cancel(self._head_timer)
        self._head_timer = None
        self._requests += 1
        super().on_headers_complete()
        self.cycle.transport = cast(
            "asyncio.Transport", _Answering(self.transport, self.loop.call_soon, self._leave)
        )
        if self._limits.draining or self._requests >= self._limits.max_requests:
            self.cycle.keep_alive = False

    def on_message_complete(self) -> None:
        """Waits for the head of the next request."""
        super().on_message_complete()
        self.scope[ARRIVED] = True  # type: ignore[typeddict-unknown-key]  # as ASGI lets servers do
        self._in_head, self._head_bytes, self._whole = True, 0, True
        _cancel(self._head_timer)
        self._head_timer = None

    def pause_writing(self) -> None:
        """Notes that the client does not read as fast as we write."""
        super().pause_writing()
        _cancel(self._stall_timer)
        self._stall_timer = self.loop.call_later(self._limits.stalled_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Notes that it has caught up."""
        super().resume_writing()
        _cancel(self._stall_timer)
        self._stall_timer = None

    def on_response_complete(self) -> None:
        """Waits for the next request; for the rest of a body that nobody wants, not for long."""
        super().on_response_complete()
        if self.cycle.more_body and not self.transport.is_closing():
            _cancel(self._head_timer)
            self._head_timer = self.loop.call_later(self._limits.head_seconds, self.transport.close)

    def begin_draining(self) -> None:
        """Makes the answer that is being worked on the last of its connection."""
        if self._requests and not self.cycle.response_complete:
            self.cycle.keep_alive = False

    def shutdown(self) -> None:
        """Closes when the answer has ended; a connection that was just made gets a moment to ask."""
        if self._requests or self.transport.is_closing():
            super().shutdown()
            return
        _cancel(self._head_timer)
        self._head_timer = self.loop.call_later(_CLOSING_SECONDS, self.transport.close)

    def send_400_response(self, msg: str) -> None:
        """Answers what is not HTTP, in uvicorn's words."""
        self._refuse(InvalidArgument(msg))

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self._limits.head_seconds, self._head_is_late)

    def _head_is_late(self) -> None:
        # Nobody who sends nothing is owed an answer; who has begun to is told.
        if self._head_bytes:
            self._refuse(problems.BodyTooSlow("The request's head did not arrive in time."))
        else:
            self.transport.close()

    def _refuse(self, error: ServiceError) -> None:
        if self._leaving:
            return
        answer = problems.response_of(error)
        head = [f"HTTP/1.1 {answer.status_code} {problems.phrase(answer.status_code)}\r\n".encode()]
        head += [name + b": " + value + b"\r\n" for name, value in answer.raw_headers]
        self.transport.write(b"".join(head) + _SECURITY + b"connection: close\r\n\r\n" + bytes(answer.body))
        self._hang_up()

    def _leave(self) -> None:
        """Ends the connection after its last answer."""
        if self.cycle.more_body:
            self._hang_up()
        else:
            self.transport.close()

    def _hang_up(self) -> None:
        """Ends the connection of a client that may still be sending.

        Closing it on what was not read resets it, and the client may lose the answer; so for a moment what
        comes is thrown away. Whoever does not read or end even then is cut off.
        """
        if self._leaving or self.transport.is_closing():
            return
        self._leaving = True
        self.transport.write_eof()
        self.flow.resume_reading()
        _cancel(self._head_timer)
        _cancel(self._stall_timer)
        self._stall_timer = self.loop.call_later(_CLOSING_SECONDS, self.transport.abort)


class _Answering:
    """The connection as uvicorn's request knows it.

    The head of an answer goes out with the first piece of its body, since each write is a call of the kernel
    that costs more than putting the two together; by itself it goes when no piece follows in this turn of the
    event loop. Closing the connection does not cut the answer off.
    """

    def __init__(
        self, transport: asyncio.Transport, soon: Callable[..., object], leave: Callable[[], None]
    ) -> None:
        self._transport = transport
        self._soon = soon
        self._leave = leave
        self._head: bytes | None = None
        self._began = False
        self.is_closing = transport.is_closing

    def write(self, data: bytes) -> None:
        """Sends what is next."""
        if self._head is not None:
            data, self._head = self._head + data, None
        elif not self._began and not data.startswith(_CONTINUE):
            # The headers that are always the same: uvicorn would look at each of them, each time.
            self._began, self._head = True, data[: -len(_END_OF_LINE)] + _SECURITY + _END_OF_LINE
            self._soon(self._flush)
            return
        self._transport.write(data)

    def close(self) -> None:
        """Ends the connection behind what was written."""
        self._flush()
        self._leave()

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head = self._head, None
            self._transport.write(head)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
