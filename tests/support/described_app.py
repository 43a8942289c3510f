"""The gateway's application as it describes itself; it is never called."""

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from gateway.app import create_app
from gateway.metrics import GatewayMetrics
from gateway.settings import GatewaySettings

if TYPE_CHECKING:
    from gateway.dependencies import Dependencies

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def described_app() -> FastAPI:
    """An application over nothing."""
    parts = SimpleNamespace(
        settings=GatewaySettings(),
        metrics=GatewayMetrics(CollectorRegistry()),
        ring=None,
        admin_token=None,
        shared=SimpleNamespace(replays=None, meter=None, metrics=None),
        new_id=None,
    )
    return create_app(cast("Dependencies", parts))


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
