"""The HTTP application: routes, problems and what surrounds them."""

from functools import partial
from typing import Any

from fastapi import FastAPI

from gateway import middleware, problems
from gateway.auth import Authentication
from gateway.dependencies import Dependencies
from gateway.openapi import document
from gateway.routes import (
    chat,
    conversations,
    datasets,
    emotions,
    examples,
    keys,
    openai,
    search,
    system,
    tasks,
    transfer,
    web,
)
from servicekit.identifiers import new_request_id


def create_app(deps: Dependencies) -> FastAPI:
    """Returns the application over what it is given; it opens nothing and starts nothing."""
    # The documentation pages of FastAPI load scripts from elsewhere, so only the document itself is served.
    app = FastAPI(title="MC AI", version="0.1.0", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    app.openapi = partial(_documented, app)  # type: ignore[method-assign]  # FastAPI's own way to do it
    app.state.dependencies = deps
    app.state.pages = web.load_pages()
    problems.install(app)
    app.router.redirect_slashes = False
    # "{domain}:import" and "{id}:cancel" come before the plain names, which would match them too.
    for resource in (
        web, chat, openai, search, transfer, examples, datasets, emotions, conversations, tasks, keys, system,
    ):  # fmt: skip
        app.include_router(resource.router)
    app.add_middleware(middleware.BodyLimit, max_bytes=deps.settings.max_body_bytes, unlimited=_is_import)
    app.add_middleware(Authentication, ring=deps.ring, admin_token=deps.admin_token)
    app.add_middleware(middleware.Refusals)
    app.add_middleware(
        middleware.Context,
        metrics=deps.metrics,
        timeout_seconds=deps.settings.request_timeout_seconds,
        new_request_id=new_request_id,
    )
    return app


def _documented(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        app.openapi_schema = document(app)
    return app.openapi_schema


def _is_import(path: str) -> bool:
    return path.endswith(transfer.IMPORT_SUFFIX)
