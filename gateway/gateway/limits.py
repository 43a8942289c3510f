"""How much may be asked at once and how often, as pure ASGI: refused early and with a time to come back.

`Admission` sheds load before it becomes latency: this process answers `max_concurrent` requests at a time,
and one more waits for nobody but is told 503. `RateLimit` counts what an address or a key asks for.
"""

import math
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway import problems, sse
from gateway.access import Access, access_of
from gateway.addresses import is_loopback
from gateway.auth import PRINCIPAL
from gateway.buckets import Meter, Rate, Standing
from gateway.heads import header
from gateway.middleware import EXTRA_HEADERS
from servicekit.errors import ServiceError

SHED_RETRY_SECONDS: Final = 1.0
_EVENT_STREAM: Final = sse.MEDIA_TYPE.encode()


class LimitMetrics:
    """What was refused."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.refused = Counter(
            "mcai_http_refused_total",
            "Requests that were refused unanswered: shed (overload), key or address (rate).",
            ("reason",),
            registry=registry,
        )


class Admission:
    """Answers so many requests at a time and refuses the rest at once; probes are always answered.

    A stream of events counts as a request until it begins, and as one of `max_streams` from then on: it waits
    most of its time, and costs memory instead of work.
    """

    def __init__(self, app: ASGIApp, max_concurrent: int, max_streams: int, metrics: LimitMetrics) -> None:
        self._app = app
        self._max_concurrent = max_concurrent
        self._max_streams = max_streams
        self._metrics = metrics
        self._running = 0
        self._streams = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 503."""
        if scope["type"] != "http" or access_of(scope["method"], scope["path"]) is Access.OPEN:
            await self._app(scope, receive, send)
            return
        if self._running >= self._max_concurrent or (self._streams >= self._max_streams and _streams(scope)):
            self._metrics.refused.labels("shed").inc()
            error = problems.Overloaded(
                "The gateway has more to do than it can do in time.", retry_after_seconds=SHED_RETRY_SECONDS
            )
            await problems.response_of(error, scope["path"])(scope, receive, send)
            return
        await self._admit(scope, receive, send)

    async def _admit(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._running += 1
        streaming = False

        async def watched(message: Message) -> None:
            nonlocal streaming
            if message["type"] == "http.response.start" and _is_event_stream(message):
                streaming = True
                self._running -= 1
                self._streams += 1
            await send(message)

        # Most answers cannot become a stream, and need not be watched.
        may_stream = _streams(scope) or scope["path"].startswith(problems.OPENAI_PREFIX)
        try:
            await self._app(scope, receive, watched if may_stream else send)
        finally:
            if streaming:
                self._streams -= 1
            else:
                self._running -= 1


def _streams(scope: Scope) -> bool:
    return scope["path"].endswith("/events") or sse.MEDIA_TYPE in header(scope, b"accept")


def _is_event_stream(message: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(_EVENT_STREAM) for name, value in message["headers"]
    )


class RateLimit:
    """Lets somebody ask as often as their bucket allows.

    Args:
        app: What is called inside.
        meter: Counts.
        rate: How often; a capacity of 0 does not count.
        whose: Returns whose bucket a request is taken from; an empty name is not counted.
        metrics: Where refusals are counted.
    """

    def __init__(
        self,
        app: ASGIApp,
        meter: Meter,
        rate: Rate,
        whose: Callable[[Scope], str],
        metrics: LimitMetrics,
    ) -> None:
        self._app = app
        self._meter = meter
        self._rate = rate
        self._whose = whose
        self._refused = metrics.refused.labels(rate.name)
        self._policy = f'"{rate.name}";q={rate.capacity};w={math.ceil(rate.seconds)}'.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers, or refuses with 429."""
        name = self._whose(scope) if scope["type"] == "http" and self._rate.capacity else ""
        if not name:
            await self._app(scope, receive, send)
            return
        standing = await self._meter.spend(name, self._rate)
        scope[EXTRA_HEADERS] = self._headers(standing)
        if standing.allowed:
            await self._app(scope, receive, send)
            return
        self._refused.inc()
        await problems.response_of(self._error(standing), scope["path"])(scope, receive, send)

    def _error(self, standing: Standing) -> ServiceError:
        return problems.RateExceeded(
            f"Too many requests of this {self._rate.name}: {self._rate.capacity:,} within "
            f"{self._rate.seconds:g} s are allowed.",
            retry_after_seconds=max(0.001, standing.wait_seconds),
        )

    def _headers(self, standing: Standing) -> list[tuple[bytes, bytes]]:
        """Those of draft-ietf-httpapi-ratelimit-headers, and those of OpenAI's API."""
        rate, left = self._rate, standing.left
        full_in = (rate.capacity - left) / rate.per_second
        reset = math.ceil(full_in if standing.allowed else standing.wait_seconds)
        return [
            (b"ratelimit-policy", self._policy),
            (b"ratelimit", f'"{rate.name}";r={left};t={reset}'.encode()),
            (b"x-ratelimit-limit-requests", str(rate.capacity).encode()),
            (b"x-ratelimit-remaining-requests", str(left).encode()),
            (b"x-ratelimit-reset-requests", f"{reset}s".encode()),
        ]


def address_of(scope: Scope) -> str:
    """Returns the address of a client elsewhere; those of this machine are not counted."""
    client = scope["client"]
    if client is None or is_loopback(client[0]) or access_of(scope["method"], scope["path"]) is Access.OPEN:
        return ""
    return str(client[0])


def key_of(scope: Scope) -> str:
    """Returns the id of a request's key; who needs none is counted by their address alone."""
    principal = scope[PRINCIPAL]
    return str(principal.id) if principal.keyed else ""
