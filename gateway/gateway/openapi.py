"""The OpenAPI document: FastAPI's, with the bodies that msgspec reads and writes, and every status.

A route says with `told` what it reads and answers; `document` puts the shapes of these bodies, their
examples, the errors and the keys into the document.
"""

import re
from collections.abc import Iterator, Mapping
from inspect import getmembers, isclass
from types import ModuleType
from typing import Any, Final, TypeAlias

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway import problems
from gateway.access import Access, access_of
from gateway.bodies import JSON
from gateway.schemas import bank, chat, conversations, health, keys, monitoring, openai, system, tasks
from gateway.schemas.shown import EXAMPLES

MODULES: Final[tuple[ModuleType, ...]] = (
    bank, chat, conversations, health, keys, monitoring, openai, system, tasks, problems,
)  # fmt: skip
COMMAND: Final = "x-mcai-command"
_REF: Final = "#/components/schemas/"
# What any route may answer, whatever it does.
_ALWAYS: Final = (400, 401, 403, 405, 414, 429, 431, 503, 504)
_WITH_BODY: Final = (408, 413, 415)
_CREATING: Final = (409, 422)

Shape: TypeAlias = type[msgspec.Struct] | str | None
"""A body: a struct that travels as JSON, a media type of something else, or nothing."""


def told(
    command: str,
    answers: Mapping[int, Shape | tuple[Shape, ...]],
    *,
    body: type[msgspec.Struct] | None = None,
    body_type: str = JSON,
    body_required: bool = True,
) -> dict[str, Any]:
    """Returns what a route's decorator is given so that the document tells its bodies.

    Args:
        command: The words of `mcai` that call it on the command line.
        answers: The good answers by status; an error needs no mention.
        body: What the route reads.
        body_type: Media type of it.
        body_required: Whether it may be absent.
    """
    responses: dict[int | str, dict[str, Any]] = {
        status: {"description": problems.phrase(status), "content": _content(shapes)}
        for status, shapes in answers.items()
    }
    extra: dict[str, Any] = {COMMAND: command}
    if body is not None or body_type != JSON:
        content = {body_type: {"schema": _reference(body) if body else {"type": "string"}}}
        extra["requestBody"] = {"required": body_required, "content": content}
    return {"responses": responses, "openapi_extra": extra}


def document(app: FastAPI) -> dict[str, Any]:
    """Returns the OpenAPI document of an application."""
    found = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=_TAGS
    )
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            _complete(path, method, operation)
    components = found.setdefault("components", {})
    components["schemas"] = _schemas(set(_references(found["paths"])))
    components["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer", "bearerFormat": "mcai_..."}}
    return found


_TAGS: Final = [
    {"name": "chat", "description": "Questions, and answers with their sources."},
    {"name": "openai", "description": "The same in the shape that OpenAI's clients know."},
    {"name": "bank", "description": "Datasets and their examples: read, write, search, import, export."},
    {"name": "conversations", "description": "What people said, and what they thought of the answers."},
    {"name": "emotions", "description": "The catalogue, and the feeling of a text."},
    {"name": "tasks", "description": "Pictures, music and cymatic patterns, made in the background."},
    {"name": "keys", "description": "Who may do what."},
    {"name": "system", "description": "Health, figures and probes."},
]


def _content(shapes: Shape | tuple[Shape, ...]) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for shape in shapes if isinstance(shapes, tuple) else (shapes,):
        if isinstance(shape, str):
            binary = not shape.startswith("text/") and "json" not in shape
            content[shape] = {"schema": {"type": "string", **({"format": "binary"} if binary else {})}}
        elif shape is not None:
            content[JSON] = {"schema": _reference(shape)}
    return content


def _complete(path: str, method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    responses.pop("422", None)  # FastAPI's own, in whose place we answer 400
    statuses = [*_ALWAYS]
    named = {each["name"] for each in operation.get("parameters", ())}
    if "{" in path or named & {"user_id", "domain"} or "requestBody" in operation:
        statuses.append(404)
    if "requestBody" in operation:
        statuses.extend(_WITH_BODY)
    if method in {"post", "delete"}:
        statuses.extend(_CREATING)
    in_openai = path.startswith(problems.OPENAI_PREFIX)
    kind: type[msgspec.Struct] = problems.ErrorBody if in_openai else problems.Problem
    content = {JSON if in_openai else problems.MEDIA_TYPE: {"schema": _reference(kind)}}
    for status in statuses:
        responses.setdefault(str(status), {"description": problems.phrase(status), "content": content})
    access = access_of(method.upper(), path)
    operation["security"] = [] if access is Access.OPEN else [{"key": []}]
    operation["x-mcai-scope"] = access.value if access else Access.ADMIN.value


def _reference(kind: type[msgspec.Struct]) -> dict[str, str]:
    return {"$ref": f"{_REF}{kind.__name__}"}


def _schemas(names: set[str]) -> dict[str, Any]:
    kinds = {name: kind for module in MODULES for name, kind in getmembers(module, _is_struct)}
    _, schemas = msgspec.json.schema_components(
        [kinds[name] for name in sorted(names)], ref_template=f"{_REF}{{name}}"
    )
    for name, example in EXAMPLES.items():
        if name in schemas:
            schemas[name]["example"] = example
    result: dict[str, Any] = _portable(schemas)
    return result


def _is_struct(member: Any) -> bool:
    return isclass(member) and issubclass(member, msgspec.Struct)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key == "$ref":
                yield str(each).removeprefix(_REF)
            else:
                yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def _portable(value: Any) -> Any:
    """Replaces Python's end of text, which JavaScript's expressions do not know, by theirs."""
    if isinstance(value, dict):
        return {
            key: re.sub(r"\\Z$", "$", each) if key == "pattern" else _portable(each)
            for key, each in value.items()
        }
    return [_portable(each) for each in value] if isinstance(value, list) else value
