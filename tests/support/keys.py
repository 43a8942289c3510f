"""Keys of a house that asks for them."""

from typing import Any

import httpx2

from tests.support.gateway_house import House

ADMIN_TOKEN = "the administrator's own token"


def bearer(secret: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"authorization": f"Bearer {secret}"}


async def make_key(house: House, name: str, *scopes: str, **more: Any) -> str:
    """Makes a key as the administrator and returns its secret."""
    body = {"name": name, "scopes": list(scopes or ("chat",)), **more}
    response = await house.client.post("/api/keys", json=body, headers=bearer(ADMIN_TOKEN))
    assert response.status_code == 201, response.text
    secret: str = response.json()["key"]
    return secret


def client_of(house: House, secret: str) -> httpx2.AsyncClient:
    """A client that shows a key with every request."""
    return httpx2.AsyncClient(
        base_url=house.listener.url, timeout=30.0, trust_env=False, headers=bearer(secret)
    )
