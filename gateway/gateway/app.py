"""The HTTP application: routes, problems and what surrounds them."""

from functools import partial
from typing import Any

from fastapi import FastAPI

from gateway import middleware, problems
from gateway.auth import Authentication
from gateway.buckets import Rate
from gateway.dependencies import Dependencies
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
from servicekit.identifiers import new_request_id


def create_app(deps: Dependencies) -> FastAPI:
    """Returns the application over what it is given; it opens nothing and starts nothing."""
    app = described_app()
    app.state.dependencies = deps
    app.state.pages = web.load_pages()
    problems.install(app)
    _surround(app, deps)
    return app


def described_app() -> FastAPI:
    """Returns the routes and their document, with nothing behind them: it is not to be called."""
    # The documentation pages of FastAPI load scripts from elsewhere, so only the document itself is served.
    app = FastAPI(title="MC AI", version="0.1.0", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.openapi = partial(_documented, app)  # type: ignore[method-assign]  # FastAPI's own way to do it
    app.router.redirect_slashes = False
    # "{domain}:import" and "{id}:cancel" come before the plain names, which would match them too.
    for resource in (
        web, chat, openai, search, transfer, examples, datasets, emotions, conversations, users,
        legacy, tasks, keys, system, monitoring,
    ):  # fmt: skip
        app.include_router(resource.router)
    return app


def _surround(app: FastAPI, deps: Dependencies) -> None:
    """Puts the middleware around the routes, the innermost first."""
    settings, shared = deps.settings, deps.shared
    app.add_middleware(Idempotency, replays=shared.replays, skips=_is_import, new_id=deps.new_id)
    app.add_middleware(middleware.BodyLimit, max_bytes=settings.max_body_bytes, unlimited=_is_import)
    key_rate = Rate("key", settings.rate_limit_key, settings.rate_limit_seconds)
    address_rate = Rate("address", settings.rate_limit_address, settings.rate_limit_seconds)
    app.add_middleware(RateLimit, meter=shared.meter, rate=key_rate, whose=key_of, metrics=shared.metrics)
    app.add_middleware(
        Authentication,
        ring=deps.ring,
        admin_token=deps.admin_token,
        only_here=settings.auth == "auto" and deps.ring is None,
    )
    app.add_middleware(
        RateLimit, meter=shared.meter, rate=address_rate, whose=address_of, metrics=shared.metrics
    )
    app.add_middleware(
        Admission,
        max_concurrent=settings.max_concurrent_requests,
        max_streams=settings.max_streams,
        metrics=shared.metrics,
    )
    app.add_middleware(middleware.Refusals)
    app.add_middleware(
        middleware.Context,
        metrics=deps.metrics,
        timeout_seconds=deps.settings.request_timeout_seconds,
        new_request_id=new_request_id,
    )


def _documented(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema


def _is_import(path: str) -> bool:
    return path.endswith(transfer.IMPORT_SUFFIX)
