"""From the gateway's OpenAPI document to commands."""

import re
from collections.abc import Iterator
from typing import Any, Final

from mcai_cli.remote.model import Command, Given

COMMAND: Final = "x-mcai-command"
JSON: Final = "application/json"
EVENTS: Final = "text/event-stream"
_KINDS: Final = {"string": "text", "integer": "integer", "number": "number", "boolean": "yes"}
_LINK: Final = "#/components/schemas/"


def commands(document: dict[str, Any]) -> list[Command]:
    """Returns the commands of a document, sorted by their words."""
    schemas = document["components"]["schemas"]
    found = [
        _command(path, method, operation, schemas)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    ]
    return sorted(found, key=lambda each: each.words)


def _command(path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> Command:
    content = operation.get("requestBody", {}).get("content", {})
    body = next(iter(content), "")
    given = [_parameter(each, schemas) for each in operation.get("parameters", ())]
    if body == JSON:
        given += _fields(content[JSON]["schema"], schemas, {each.name for each in given})
    answers = {kind for answer in operation["responses"].values() for kind in answer.get("content", {})}
    return Command(
        words=operation[COMMAND],
        method=method.upper(),
        path=path,
        help=operation["description"],
        given=tuple(given),
        body=body,
        # Whoever can have an answer whole gets it whole.
        streams=EVENTS in answers and JSON not in answers,
    )


def _parameter(parameter: dict[str, Any], schemas: dict[str, Any]) -> Given:
    kind, choices = _kind(parameter["schema"], schemas)
    return Given(
        name=parameter["name"],
        place=parameter["in"],
        kind=kind,
        required=parameter.get("required", False),
        choices=choices,
        help=parameter.get("description", ""),
    )


def _fields(schema: dict[str, Any], schemas: dict[str, Any], taken: set[str]) -> Iterator[Given]:
    found = _resolved(schema, schemas)
    for name, field in found.get("properties", {}).items():
        if name not in taken:
            kind, choices = _kind(field, schemas)
            yield Given(name, "body", kind, name in found.get("required", ()), choices)


def _kind(schema: dict[str, Any], schemas: dict[str, Any]) -> tuple[str, tuple[str, ...]]:
    schema = _resolved(schema, schemas)
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        return _kind(options[0], schemas)
    if "enum" in schema:
        return "text", tuple(str(each) for each in schema["enum"] if each is not None)
    if schema.get("type") == "array" and _kind(schema.get("items", {}), schemas)[0] == "text":
        return "texts", ()
    return _KINDS.get(str(schema.get("type")), "json"), ()


def _resolved(schema: dict[str, Any], schemas: dict[str, Any]) -> dict[str, Any]:
    name = re.sub(f"^{re.escape(_LINK)}", "", schema.get("$ref", ""))
    return schemas[name] if name else schema
