"""What would make the first request slow, done before there is one."""

from typing import Any, Final

from fastapi import FastAPI

from gateway.chat.understand import understand

_REQUEST: Final = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    "http_version": "1.1",
    "method": "GET",
    "scheme": "http",
    "path": "/livez",
    "raw_path": b"/livez",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 0),
    "server": ("127.0.0.1", 0),
}


async def warm_up(app: FastAPI) -> None:
    """Builds the document and the middleware, and answers one probe that nobody sees."""
    app.openapi()
    understand("What is warm?")
    await app(dict(_REQUEST), _nothing, _nowhere)


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _nowhere(_message: Any) -> None:
    """Nobody waits for it."""
