"""Every route of the application, every role, and every other user's id."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from gateway.app import described_app
from tests.support.access_matrix import OWNED, ROLES, SHARED, expected
from tests.support.app_routes import routes
from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, client_of, make_key
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")

ID_OF_NOTHING = "00000000-0000-7000-8000-000000000000"
NOWHERE = {"domain": "nowhere", "name": "none.png", "model": "mcai/nowhere", "user_id": ID_OF_NOTHING}
NAMES = re.compile(r"\{(\w+)(?::\w+)?\}")


@dataclass(frozen=True, slots=True)
class Guarded:
    """A house that asks for keys, a client for each role, and what ada has there.

    Attributes:
        operations: What the document says of a route, by method and path, with an example body.
    """

    house: House
    clients: dict[str, httpx2.AsyncClient]
    operations: dict[tuple[str, str], dict[str, Any]]
    hers: dict[str, str] = field(default_factory=dict)

    def about(self, route: tuple[str, str]) -> dict[str, Any]:
        """What the document says of a route; nothing for one that it leaves out."""
        method, path = route
        return self.operations.get((method, NAMES.sub(r"{\1}", path)), {})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[Guarded]:
    """Ada, who has things; carl and bob, who have not; a bank's writer, an administrator, and nobody."""
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN) as house:
        clients = {
            "nobody": house.client,
            "admin": client_of(house, ADMIN_TOKEN),
            "chat": client_of(house, await make_key(house, "carl")),
            "ada": client_of(house, await make_key(house, "ada")),
            "bob": client_of(house, await make_key(house, "bob")),
            "bank": client_of(house, await make_key(house, "importer", "bank:write")),
        }
        document = (await house.client.get("/openapi.json")).json()
        schemas = document["components"]["schemas"]
        operations = {
            (method.upper(), path): operation | {"x-example": _example(operation, schemas)}
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }
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
    ada = guarded.clients["ada"]
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
    guarded: Guarded, role: str, route: tuple[str, str], ids: dict[str, str], user_id: str = ""
) -> httpx2.Request:
    """The route's example request, with these ids in its path, about the user if one is named."""
    method, path = route
    about = guarded.about(route)
    address = NAMES.sub(lambda found: ids.get(found[1], NOWHERE.get(found[1], ID_OF_NOTHING)), path)
    query = {
        each["name"]: "x"
        for each in about.get("parameters", [])
        if each["in"] == "query" and each.get("required")
    }
    body = about.get("x-example")
    if isinstance(body, dict):
        own = {"user_id", "user", "conversation_id"}
        body = {name: value for name, value in body.items() if name not in own}
    if user_id and _named_in_query(about):
        query["user_id"] = user_id
    elif user_id and isinstance(body, dict):
        body |= {"user": user_id, "store": True} if path.startswith("/v1/") else {"user_id": user_id}
    return guarded.clients[role].build_request(method, address, params=query, json=body)


def _named_in_query(about: dict[str, Any]) -> bool:
    return any(each["name"] == "user_id" for each in about.get("parameters", []) if each["in"] == "query")


def _named_in_body(about: dict[str, Any]) -> bool:
    return isinstance(about.get("x-example"), dict) and bool({"user_id", "user"} & about["x-example"].keys())


async def test_every_route_of_the_application_is_in_the_matrix() -> None:
    found = routes(described_app())

    assert found - expected().keys() == set(), "say in tests/support/access_matrix.py what they ask for"
    assert expected().keys() - found == set()


async def test_every_name_in_a_path_is_somebodys_or_everybodys() -> None:
    names = {name for _, path in expected() for name in NAMES.findall(path)}

    assert names - OWNED - SHARED == set(), "say in tests/support/access_matrix.py whose it is"


async def test_every_route_times_every_role(guarded: Guarded) -> None:
    wrong: list[tuple[str, str, str, int]] = []
    for route, scope in expected().items():
        about = guarded.about(route)
        assert about.get("x-mcai-scope", scope) == scope, route
        for role, scopes in ROLES.items():
            somebody = (
                "somebody" if role == "admin" and (_named_in_query(about) or _named_in_body(about)) else ""
            )
            request = request_of(guarded, role, route, {}, somebody)
            status = (await guarded.clients[role].send(request)).status_code
            if scope in scopes:
                fine = status not in {401, 403} and status < 500
            else:
                fine = status == (401 if role == "nobody" else 403)
            if not fine:
                wrong.append((*route, role, status))

    assert wrong == []


async def test_every_other_users_id_is_an_id_of_nothing(guarded: Guarded) -> None:
    owned = [route for route in expected() if set(NAMES.findall(route[1])) & OWNED]
    assert len(owned) >= 10
    for route in owned:
        bob = guarded.clients["bob"]
        hers = await bob.send(request_of(guarded, "bob", route, guarded.hers))
        nothings = await bob.send(request_of(guarded, "bob", route, {"name": guarded.hers["name"]}))

        assert (hers.status_code, nothings.status_code) == (404, 404), route
        assert _words(hers, guarded.hers) == _words(nothings, {}), route


def _words(response: httpx2.Response, ids: dict[str, str]) -> str:
    detail: str = response.json()["detail"]
    for identifier in (*ids.values(), ID_OF_NOTHING):
        detail = detail.replace(repr(identifier), "ID")
    return detail


async def test_naming_another_user_finds_nobody(guarded: Guarded) -> None:
    named = [
        route
        for route in expected()
        if _named_in_query(guarded.about(route)) or _named_in_body(guarded.about(route))
    ]
    named = [route for route in named if not route[1].startswith("/api/keys")]
    assert len(named) >= 14
    for route in named:
        bob = guarded.clients["bob"]
        response = await bob.send(request_of(guarded, "bob", route, guarded.hers, "ada"))
        assert response.status_code == 404, (route, response.text)


async def test_what_is_hers_is_still_there(guarded: Guarded) -> None:
    """After all that bob and carl have tried."""
    ada = guarded.clients["ada"]
    for route in (("GET", "/api/conversations/{conversation_id}"), ("GET", "/api/tasks/{task_id}")):
        assert (await ada.send(request_of(guarded, "ada", route, guarded.hers))).status_code == 200, route


async def test_a_conversation_of_another_user_is_not_written_to(guarded: Guarded) -> None:
    conversation_id = guarded.hers["conversation_id"]
    body = {"message": "What is UDP?", "conversation_id": conversation_id}

    assert (await guarded.clients["bob"].post("/api/chat", json=body)).status_code == 404
    kept = await guarded.clients["ada"].get(f"/api/conversations/{conversation_id}")
    assert "UDP" not in kept.text


async def test_lists_hold_ones_own_alone(guarded: Guarded) -> None:
    ada, bob, admin = (guarded.clients[name] for name in ("ada", "bob", "admin"))

    tasks = (await ada.get("/api/tasks")).json()["tasks"]
    assert guarded.hers["task_id"] in {each["id"] for each in tasks}
    assert {each["user_id"] for each in tasks} == {"ada"}
    assert (await bob.get("/api/tasks")).json()["tasks"] == []
    assert (await bob.get("/api/conversations")).json()["conversations"] == []
    assert (
        len((await admin.get("/api/conversations", params={"user_id": "ada"})).json()["conversations"]) >= 1
    )
