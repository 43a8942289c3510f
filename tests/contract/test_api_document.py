"""The HTTP API says what it does: each route has an access rule, its bodies, and an example of each."""

import copy
from typing import Any

import msgspec
import pytest

from gateway import openapi
from gateway.access import access_of
from gateway.app import described_app
from gateway.schemas.shown import EXAMPLES


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    """The document of an application that is never called."""
    return described_app().openapi()


def operations(document: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]


def test_every_route_has_an_access_rule(document: dict[str, Any]) -> None:
    unruled = [
        (method, path) for method, path, _ in operations(document) if access_of(method.upper(), path) is None
    ]

    assert unruled == []


def test_every_route_tells_what_it_answers(document: dict[str, Any]) -> None:
    silent = [
        (method, path)
        for method, path, operation in operations(document)
        if not any("content" in each for code, each in operation["responses"].items() if code[0] == "2")
        and "204" not in operation["responses"]
    ]

    assert silent == []


def test_every_route_is_described(document: dict[str, Any]) -> None:
    assert [path for _, path, operation in operations(document) if not operation.get("description")] == []


def test_every_route_has_a_command(document: dict[str, Any]) -> None:
    commands = [operation.get(openapi.COMMAND) for _, _, operation in operations(document)]

    assert None not in commands
    assert len(commands) == len(set(commands))


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    used = {
        content["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for body in (operation.get("requestBody", {}), *operation["responses"].values())
        for content in body.get("content", {}).values()
        if "$ref" in content.get("schema", {})
    }

    assert len(used) > 30
    assert used - EXAMPLES.keys() == set()
    assert EXAMPLES.keys() - used == set()


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_an_example_is_what_it_stands_for(name: str) -> None:
    (kind,) = {
        member for module in openapi.MODULES for key, member in vars(module).items() if key == name
    }  # fmt: skip
    example = copy.deepcopy(EXAMPLES[name])

    read = msgspec.json.decode(msgspec.json.encode(example), type=kind)

    assert set(read.__struct_fields__) >= set(example)
