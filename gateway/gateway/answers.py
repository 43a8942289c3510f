"""Answers as JSON, encoded once and not validated again."""

from typing import Any, Final

import msgspec
from fastapi import Response

from gateway.bodies import JSON

NO_STORE: Final = {"cache-control": "no-store"}


def json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns the answer that holds `body`; a person's data is kept by no cache on the way."""
    return Response(msgspec.json.encode(body), status, {**NO_STORE, **(headers or {})}, JSON)
