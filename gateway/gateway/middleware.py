"""What happens around each request, as pure ASGI: one small class a concern, the outermost first.

`Context` (request id, trace, deadline, what was done without, access log, metrics, the last net for faults
of ours) · `Refusals` (what no route should see) · `BodyLimit` (declared and chunked bodies). The security
headers are connections.py's.
"""

import re
import time
from collections.abc import Callable, Collection, Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problems
from gateway.heads import has_any, header
from gateway.metrics import GatewayMetrics
from servicekit import deadline, degrade, logs, tracing
from servicekit.errors import InvalidArgument, PermissionDenied, ServiceError
from servicekit.identifiers import new_request_id

REQUEST_ID: Final = b"x-request-id"
DEGRADED: Final = "x-mcai-degraded"
EXTRA_HEADERS: Final = "mcai.headers"
"""Where a request's scope holds more headers of its answer."""

_CHUNKED: Final = (b"transfer-encoding",)
MAX_PATH_BYTES: Final = 4 * 1024

# A caller's id goes into logs and headers, so only what cannot break out of either is taken over.
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_CLIENT_GONE: Final = 499

_log = logs.get_logger(__name__)


class Context:
    """Gives each request its context, and tells how it ended.

    Args:
        app: What is called inside.
        metrics: Where requests are counted.
        timeout_seconds: Budget of a request.
        entropy: Makes random bytes, for the ids of a request that brings none.
        clock: Seconds from any origin that never go back.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: GatewayMetrics,
        timeout_seconds: float,
        entropy: Callable[[int], bytes],
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._timeout_seconds = timeout_seconds
        self._entropy = entropy
        self._clock = clock
        # Bound once: the module's proxy makes a logger anew for each line, written or not.
        self._log = _log.bind()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = header(scope, REQUEST_ID)
        request_id = given if _REQUEST_ID.fullmatch(given) else new_request_id(entropy=self._entropy)
        started = self._clock()
        self._metrics.began()
        reply = _Reply(scope, send, request_id)
        with (
            logs.request_context(request_id=request_id, service="gateway"),
            tracing.span("http", header(scope, b"traceparent"), self._entropy),
            deadline.limit(self._timeout_seconds),
            degrade.collecting() as reply.degraded,
        ):
            try:
                await self._guarded(scope, receive, reply)
            finally:
                self._tell(scope, reply.status, self._clock() - started)

    async def _guarded(self, scope: Scope, receive: Receive, reply: "_Reply") -> None:
        try:
            await self._app(scope, receive, reply)
        except Exception as error:
            response = problems.unexpected(error, scope["path"])
            if reply.status != _CLIENT_GONE:
                raise  # the answer has begun: the server cuts it off, so that nobody takes it for whole
            await response(scope, receive, reply)

    def _tell(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "unmatched")
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.ended(method, route, status, seconds)
        tracing.describe(f"{method} {route}", **{"http.response.status_code": status})
        self._log.info(
            "request",
            method=method,
            path=scope["path"][:200],
            route=route,
            status=status,
            elapsed_ms=round(seconds * 1000, 2),
        )


class _Reply:
    """Sends the answer on, with our headers, and remembers its status."""

    def __init__(self, scope: Scope, send: Send, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self._request_id = request_id
        self.status = _CLIENT_GONE
        self.degraded: Iterable[str] = ()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [(REQUEST_ID, self._request_id.encode()), *self._scope.get(EXTRA_HEADERS, ())]
            if names := sorted(self.degraded):
                own.append((DEGRADED.encode(), ",".join(names).encode()))
            message["headers"] = [*message["headers"], *own]
        await self._send(message)


class Refusals:
    """Refuses requests that no route should see: oversized heads, and writes sent by other people's pages."""

    def __init__(self, app: ASGIApp, origins: Collection[str] = ()) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers with a problem, or lets the request through."""
        error = _refusal(scope, self._origins) if scope["type"] == "http" else None
        if error is None:
            await self._app(scope, receive, send)
        else:
            await problems.response_of(error, scope["path"])(scope, receive, send)


def _refusal(scope: Scope, origins: Collection[str]) -> ServiceError | None:
    if len(scope.get("raw_path") or b"") + len(scope["query_string"]) > MAX_PATH_BYTES:
        return problems.AddressTooLong(f"The address is longer than {MAX_PATH_BYTES:,} bytes.")
    if sum(len(name) + len(value) for name, value in scope["headers"]) > problems.MAX_HEADER_BYTES:
        return problems.HeadersTooLarge(f"The headers are larger than {problems.MAX_HEADER_BYTES:,} bytes.")
    if scope["http_version"] == "0.9" or not _says_once_for_whom(scope):
        return InvalidArgument("Ask by HTTP/1.1, with one Host header.")
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        return InvalidArgument("The address holds a NUL character.")
    # A browser says where a request was born. There is no login to protect it yet, so a page of another
    # site must not write here with the visitor's own machine as its tool.
    born_at = header(scope, b"sec-fetch-site", "none")
    foreign = scope["method"] not in _SAFE_METHODS and born_at not in {"none", "same-origin"}
    if foreign and header(scope, b"origin") not in origins:
        return PermissionDenied("Pages of other sites may not write here.")
    return None


def _says_once_for_whom(scope: Scope) -> bool:
    """RFC 9112, 3.2: without a Host, or with two, whoever stands before us may have meant another."""
    hosts: int = sum(name == b"host" for name, _ in scope["headers"])
    return hosts == 1 or (hosts == 0 and str(scope["http_version"]) == "1.0")


class BodyLimit:
    """Refuses bodies of more than `max_bytes`, whether their length is declared or found out; not imports."""

    def __init__(self, app: ASGIApp, max_bytes: int, unlimited: Callable[[str], bool]) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._unlimited = unlimited

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Counts what arrives; the route that reads too much gets the error."""
        if scope["type"] != "http" or self._unlimited(scope["path"]):
            await self._app(scope, receive, send)
            return
        declared = header(scope, b"content-length")
        if declared.isdecimal() and not has_any(scope, _CHUNKED):
            if int(declared) > self._max_bytes:
                await problems.response_of(self._error(), scope["path"])(scope, receive, send)
            else:
                await self._app(scope, receive, send)  # the server sees to it that no more comes
            return
        arrived = 0

        async def counted() -> Message:
            nonlocal arrived
            message = await receive()
            arrived += len(message.get("body", b""))
            if arrived > self._max_bytes:
                raise self._error()
            return message

        await self._app(scope, counted, send)

    def _error(self) -> ServiceError:
        return problems.BodyTooLarge(f"The body is larger than {self._max_bytes:,} bytes.")
