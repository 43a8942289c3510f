"""The busiest routes, reached without the router: it costs more than an answer that was given before.

Their functions read the raw request and check it themselves, so nothing that FastAPI does on the way to them
is missed. They stay routes of the application too, since its document is made from those.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from fastapi import Request, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway import problems
from gateway.access import Principal
from gateway.auth import PRINCIPAL
from gateway.dependencies import Dependencies
from servicekit.errors import ServiceError

Handler: TypeAlias = Callable[[Request, Dependencies, Principal], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class _Route:
    """What of a route the metrics want to know."""

    path: str


class Express:
    """Calls the handler of a POST, or leaves a request to the router.

    Args:
        app: The router.
        deps: What the handlers are given.
        posts: The handlers by path.
    """

    def __init__(self, app: ASGIApp, deps: Dependencies, posts: Mapping[str, Handler]) -> None:
        self._app = app
        self._deps = deps
        self._posts = {path: (_Route(path), handler) for path, handler in posts.items()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        found = self._posts.get(scope["path"]) if scope["type"] == "http" else None
        if found is None or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        scope["route"], handler = found
        try:
            response = await handler(Request(scope, receive, send), self._deps, scope[PRINCIPAL])
        except ServiceError as error:
            response = problems.told(error, scope["path"])
        await response(scope, receive, send)
