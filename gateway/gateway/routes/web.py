"""The chat page: files of this package, read once, with no build step and nothing from elsewhere."""

from dataclasses import dataclass
from importlib.resources import files
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Header, Request, Response
from starlette.exceptions import HTTPException

from gateway import answers, bodies

router = APIRouter(include_in_schema=False)

_TYPES: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_PAGE: Final = "index.html"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """A file as it is sent."""

    content: bytes
    media_type: str
    etag: str


def load_pages() -> dict[str, StaticFile]:
    """Reads the files of the page, by name."""
    pages: dict[str, StaticFile] = {}
    for entry in files("gateway").joinpath("web").iterdir():
        media_type = _TYPES.get(entry.name.rpartition(".")[2])
        if media_type is not None:
            content = entry.read_bytes()
            pages[entry.name] = StaticFile(content, media_type, answers.etag_of(content))
    return pages


@router.get("/")
async def page(request: Request, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Shows the chat page."""
    return _sent(request, _PAGE, if_none_match)


@router.get("/web/{name}")
async def asset(request: Request, name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Sends a file of the page; the name is looked up, never opened."""
    return _sent(request, name, if_none_match)


@router.get("/openapi.json")
async def openapi(request: Request, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Sends the document of the API."""
    return answers.tagged(msgspec.json.encode(request.app.openapi()), bodies.JSON, if_none_match)


def _sent(request: Request, name: str, known: str) -> Response:
    found: StaticFile | None = request.app.state.pages.get(name)
    if found is None:
        raise HTTPException(404)
    # A browser asks each time and gets 304: an update is seen at once, and costs no download otherwise.
    return answers.tagged(found.content, found.media_type, known, etag=found.etag)
