"""Answers as JSON, encoded once and not validated again."""

import hashlib
from typing import Any, Final

import msgspec
from fastapi import Response

from gateway.bodies import JSON

NO_STORE: Final = {"cache-control": "no-store"}


def tagged(
    content: bytes, media_type: str, known: str, *, cache: str = "no-cache", etag: str | None = None
) -> Response:
    """Returns an answer that who has it already, by `If-None-Match`, is not sent again.

    The tag is a weak one: the same may travel compressed.

    Args:
        content: The body.
        media_type: Its type.
        known: What `If-None-Match` holds.
        cache: Who may keep it; all have to ask before they use it.
        etag: Its tag, if it was worked out before.
    """
    headers = {"etag": etag or etag_of(content), "cache-control": cache}
    if headers["etag"] in known:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)


def etag_of(content: bytes) -> str:
    """Returns the tag of a body."""
    return f'W/"{hashlib.sha256(content).hexdigest()[:32]}"'


def json(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Returns the answer that holds `body`; a person's data is kept by no cache on the way."""
    return Response(msgspec.json.encode(body), status, {**NO_STORE, **(headers or {})}, JSON)
