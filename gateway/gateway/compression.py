"""Answers that travel compressed, to who asks for it."""

from typing import Final

from starlette.middleware.gzip import GZipMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.heads import has_any

MINIMUM_BYTES: Final = 1_024
_LEVEL: Final = 5
_RANGE: Final = (b"range",)


class Compression:
    """Compresses what is read: pages, lists, exports; not streams of events, nor what is compressed already.

    The answers of the chat are left alone: they are small, and compressing one costs as much as making it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._compressing = GZipMiddleware(app, MINIMUM_BYTES, _LEVEL)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; a part of a file is a part of the file as it is."""
        reads = scope["type"] == "http" and scope["method"] == "GET" and not has_any(scope, _RANGE)
        await (self._compressing if reads else self._app)(scope, receive, send)
