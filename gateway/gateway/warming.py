"""What would make the first request slow, done before there is one."""

from typing import Any, Final

from starlette.types import ASGIApp

from gateway.chat.understand import understand

_REQUEST: Final = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "query_string": b"",
    "root_path": "",
    "client": ("127.0.0.1", 0),
    "server": ("127.0.0.1", 0),
}


async def warm_up(app: ASGIApp) -> None:
    """Builds the document, and answers one probe that nobody sees."""
    understand("What is warm?")
    for path in ("/openapi.json", "/livez"):
        request = {**_REQUEST, "path": path, "raw_path": path.encode(), "headers": [(b"host", b"localhost")]}
        await app(request, _nothing, _nowhere)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(_message: Any) -> None:
    """Nobody waits for it."""
