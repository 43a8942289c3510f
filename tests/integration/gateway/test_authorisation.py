"""Every route of the document, every role, and every other user's id."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, client_of, make_key
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROLES = {
    "nobody": frozenset[str](),
    "chat": frozenset({"chat", "read"}),
    "bank": frozenset({"bank:write", "read"}),
    "admin": frozenset({"chat", "bank:write", "admin", "read"}),
}
NOWHERE = {"domain": "nowhere", "name": "none.png", "model": "mcai/nowhere"}
ID_OF_NOTHING = "00000000-0000-7000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Guarded:
    """A house that asks for keys, a client for each role, and what ada has there."""

    house: House
    clients: dict[str, httpx2.AsyncClient]
    operations: list[tuple[str, str, dict[str, Any]]]
    hers: dict[str, str] = field(default_factory=dict)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Guarded]:
    """Ada, bob, a bank's writer, an administrator and somebody without a key."""
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN) as house:
        clients = {
            "nobody": house.client,
            "admin": client_of(house, ADMIN_TOKEN),
            "chat": client_of(house, await make_key(house, "ada")),
            "bob": client_of(house, await make_key(house, "bob")),
            "bank": client_of(house, await make_key(house, "importer", "bank:write")),
        }
        document = (await house.client.get("/openapi.json")).json()
        operations = [
            (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        ]
        schemas = document["components"]["schemas"]
        for _, _, operation in operations:
            operation["x-example"] = _example(operation, schemas)
        guarded = Guarded(house, clients, operations)
        await _give_ada_something(guarded)
        yield guarded
        for client in clients.values():
            await client.aclose()


def _example(operation: dict[str, Any], schemas: dict[str, Any]) -> Any:
    for content in operation.get("requestBody", {}).get("content", {}).values():
        return schemas.get(content["schema"].get("$ref", "").rpartition("/")[2], {}).get("example")
    return None


async def _give_ada_something(guarded: Guarded) -> None:
    ada = guarded.clients["chat"]
    answer = (await ada.post("/api/chat", json={"message": "What is TCP?"})).json()
    body = {"kind": "cymatic", "parameters": {"frequency_hz": 440, "size_pixels": 64}}
    task_id = (await ada.post("/api/tasks", json=body)).json()["job_id"]

    async def done() -> dict[str, Any] | None:
        task: dict[str, Any] = (await ada.get(f"/api/tasks/{task_id}")).json()
        return task if task["state"] == "succeeded" else None

    task = await eventually(done, timeout_seconds=60)
    assert task is not None
    guarded.hers.update(
        conversation_id=answer["metadata"]["conversation_id"],
        task_id=task_id,
        name=task["artifacts"][0]["name"],
        user_id="ada",
    )


def request_of(
    client: httpx2.AsyncClient,
    operation: tuple[str, str, dict[str, Any]],
    ids: dict[str, str],
    query: dict[str, str],
) -> httpx2.Request:
    """The operation's example request, with these ids in its path."""
    method, path, about = operation
    names = [each.split("}")[0] for each in path.split("{")[1:]]
    address = path.format(**{name: ids.get(name, NOWHERE.get(name, ID_OF_NOTHING)) for name in names})
    body = about["x-example"]
    if isinstance(body, dict) and "user_id" in body:
        body = {name: value for name, value in body.items() if name not in {"user_id", "conversation_id"}}
    required = {
        each["name"]: "x"
        for each in about.get("parameters", [])
        if each.get("required") and each["in"] == "query"
    }
    if any(each["name"] == "user_id" for each in about.get("parameters", [])) and client is not None:
        required |= {"user_id": "ada"} if query.get("user_id") else {}
    return client.build_request(method, address, params=required | query, json=body)


async def test_every_route_times_every_role(guarded: Guarded) -> None:
    assert len(guarded.operations) > 30
    wrong: list[tuple[str, str, str, int]] = []
    for operation in guarded.operations:
        method, path, about = operation
        scope = about["x-mcai-scope"]
        for role, scopes in ROLES.items():
            about_somebody = {"user_id": "somebody"} if role == "admin" and _names_a_user(about) else {}
            request = request_of(guarded.clients[role], operation, {}, about_somebody)
            status = (await guarded.clients[role].send(request)).status_code
            if scope == "open" or scope in scopes:
                fine = status not in {401, 403} and status < 500
            else:
                fine = status == (401 if role == "nobody" else 403)
            if not fine:
                wrong.append((method, path, role, status))

    assert wrong == []


def _names_a_user(about: dict[str, Any]) -> bool:
    return any(each["name"] == "user_id" for each in about.get("parameters", []))


async def test_every_other_users_id_is_an_id_of_nothing(guarded: Guarded) -> None:
    mine = [
        operation
        for operation in guarded.operations
        if "{conversation_id}" in operation[1] or "{task_id}" in operation[1]
    ]
    assert len(mine) >= 7
    for operation in mine:
        bob = guarded.clients["bob"]
        hers = await bob.send(request_of(bob, operation, guarded.hers, {}))
        nothings = await bob.send(request_of(bob, operation, {"name": guarded.hers["name"]}, {}))

        assert (hers.status_code, nothings.status_code) == (404, 404), operation[:2]
        assert _words(hers, guarded.hers) == _words(nothings, {}), operation[:2]


def _words(response: httpx2.Response, ids: dict[str, str]) -> str:
    detail: str = response.json()["detail"]
    for identifier in (*ids.values(), ID_OF_NOTHING):
        detail = detail.replace(repr(identifier), "ID")
    return detail


async def test_naming_another_user_finds_nobody(guarded: Guarded) -> None:
    named = [operation for operation in guarded.operations if _names_a_user(operation[2])]
    assert len(named) >= 4
    for operation in named:
        bob = guarded.clients["bob"]
        response = await bob.send(request_of(bob, operation, guarded.hers, {"user_id": "ada"}))
        assert response.status_code == 404, operation[:2]
    for path, body in (
        ("/api/chat", {"message": "What is TCP?", "user_id": "ada"}),
        ("/api/feedback", {"message": "x", "rating": "like", "user_id": "ada"}),
        ("/api/tasks", {"kind": "cymatic", "user_id": "ada"}),
        ("/v1/chat/completions", _completion("ada")),
    ):
        assert (await guarded.clients["bob"].post(path, json=body)).status_code == 404, path


def _completion(user: str) -> dict[str, Any]:
    messages = [{"role": "user", "content": "What is TCP?"}]
    return {"model": "mcai", "messages": messages, "user": user, "store": True}


async def test_a_conversation_of_another_user_is_not_written_to(guarded: Guarded) -> None:
    conversation_id = guarded.hers["conversation_id"]
    body = {"message": "What is UDP?", "conversation_id": conversation_id}

    assert (await guarded.clients["bob"].post("/api/chat", json=body)).status_code == 404
    kept = await guarded.clients["chat"].get(f"/api/conversations/{conversation_id}")
    assert "UDP" not in kept.text


async def test_lists_hold_ones_own_alone(guarded: Guarded) -> None:
    ada, bob, admin = (guarded.clients[name] for name in ("chat", "bob", "admin"))

    tasks = (await ada.get("/api/tasks")).json()["tasks"]
    assert guarded.hers["task_id"] in {each["id"] for each in tasks}
    assert {each["user_id"] for each in tasks} == {"ada"}
    assert (await bob.get("/api/tasks")).json()["tasks"] == []
    assert (await bob.get("/api/conversations")).json()["conversations"] == []
    assert (
        len((await admin.get("/api/conversations", params={"user_id": "ada"})).json()["conversations"]) >= 1
    )
