"""The HTTP application: routes, problems and what surrounds them."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from fastapi import FastAPI
from fastapi.middleware.asyncexitstack import AsyncExitStackMiddleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.types import ASGIApp

from gateway import middleware, problems
from gateway.auth import Authentication
from gateway.buckets import Rate
from gateway.compression import Compression
from gateway.dependencies import Dependencies
from gateway.express import Express, Handler
from gateway.idempotency import Idempotency
from gateway.limits import Admission, RateLimit, address_of, key_of
from gateway.openapi import document
from gateway.routes import (
    chat,
    conversations,
    datasets,
    emotions,
    examples,
    keys,
    legacy,
    monitoring,
    openai,
    search,
    system,
    tasks,
    transfer,
    users,
    web,
)
from servicekit.identifiers import EntropyPool

_EXPRESS: Final[Mapping[str, Handler]] = {
    "/api/chat": chat.chat,
    "/v1/chat/completions": openai.create_completion,
}


# What pages of another origin may send and read; the methods are those of the routes.
_CROSS_ORIGIN: Final[Mapping[str, Any]] = {
    "allow_methods": ("GET", "POST", "PATCH", "DELETE"),
    "allow_headers": ("authorization", "content-type", "idempotency-key", "last-event-id", "x-api-key"),
    "expose_headers": ("retry-after", "ratelimit", "x-mcai-degraded", "x-request-id"),
}


def create_app(deps: Dependencies) -> ASGIApp:
    """Returns the application over what it is given; it opens nothing and starts nothing."""
    app = described_app()
    app.state.dependencies = deps
    app.state.pages = web.load_pages()
    problems.install(app)
    # Put together here and not by Starlette, whose own outermost layer would answer a fault before ours.
    handlers: Any = app.exception_handlers
    app.middleware_stack = ExceptionMiddleware(AsyncExitStackMiddleware(app.router), handlers=handlers)
    return _surrounded(Express(app, deps, _EXPRESS), deps)


def described_app() -> FastAPI:
    """Returns the routes and their document, with nothing behind them: it is not to be called."""
    # The documentation pages of FastAPI load scripts from elsewhere, so only the document itself is served.
    app = FastAPI(title="MC AI", version="0.1.0", docs_url=None, redoc_url=None, openapi_url=None)
    app.openapi = partial(_documented, app)  # type: ignore[method-assign]  # FastAPI's own way to do it
    app.router.redirect_slashes = False
    # "{domain}:import" and "{id}:cancel" come before the plain names, which would match them too.
    for resource in (
        web, chat, openai, search, transfer, examples, datasets, emotions, conversations, users,
        legacy, tasks, keys, system, monitoring,
    ):  # fmt: skip
        app.include_router(resource.router)
    return app


def _surrounded(answering: ASGIApp, deps: Dependencies) -> ASGIApp:
    """Puts the layers around the routes, the innermost first."""
    settings, shared = deps.settings, deps.shared
    repeatable = Idempotency(Compression(answering), shared.replays, _is_import, deps.new_id)
    bounded = middleware.BodyLimit(repeatable, settings.max_body_bytes, _is_import)
    key_rate = Rate("key", settings.rate_limit_key, settings.rate_limit_seconds)
    address_rate = Rate("address", settings.rate_limit_address, settings.rate_limit_seconds)
    by_key = RateLimit(bounded, shared.meter, key_rate, key_of, shared.metrics)
    known = Authentication(
        by_key,
        deps.ring,
        deps.admin_token,
        only_here=settings.auth == "auto" and deps.ring is None,
    )
    by_address = RateLimit(known, shared.meter, address_rate, address_of, shared.metrics)
    admitted = Admission(by_address, settings.max_concurrent_requests, settings.max_streams, shared.metrics)
    origins = settings.allowed_origins
    sane: ASGIApp = middleware.Refusals(admitted, origins)
    if origins:
        sane = CORSMiddleware(sane, origins, **_CROSS_ORIGIN)
    return middleware.Context(sane, deps.metrics, settings.request_timeout_seconds, EntropyPool())


def _documented(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema


def _is_import(path: str) -> bool:
    return path.endswith(transfer.IMPORT_SUFFIX)
