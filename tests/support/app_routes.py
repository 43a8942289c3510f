"""The routes of the gateway's application, as its router has them."""

from typing import Any

from fastapi import FastAPI

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def routes(app: FastAPI) -> set[tuple[str, str]]:
    """Method and path of every route, those that the document leaves out among them."""
    found: set[tuple[str, str]] = set()
    pending: list[Any] = list(app.routes)
    while pending:
        route = pending.pop()
        if router := getattr(route, "original_router", None):
            pending += router.routes
        for method in getattr(route, "methods", None) or ():
            if method in _METHODS:
                found.add((method, route.path))
    return found
