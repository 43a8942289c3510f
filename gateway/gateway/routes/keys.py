"""Keys: made, listed and revoked by an administrator."""

import hashlib
import time

from fastapi import APIRouter, Request, Response

from gateway import answers, bodies
from gateway.dependencies import Deps, PageSize, PageToken
from gateway.keys import PREFIX_CHARACTERS, new_secret
from gateway.openapi import told
from gateway.schemas.keys import CreatedKey, KeyBody, KeyPage, NewKey, key_body
from mcai.dataset.v1 import key_pb2

router = APIRouter(prefix="/api/keys", tags=["keys"])

_DAY_SECONDS = 86_400


@router.post("", status_code=201, **told("keys create", {201: CreatedKey}, body=NewKey))
async def create_key(request: Request, deps: Deps) -> Response:
    """Makes a key; its secret is in this answer and nowhere else."""
    body = await bodies.read(request, NewKey)
    secret = new_secret()
    user_id = body.user_id or ("" if "admin" in body.scopes else body.name)
    key = key_pb2.ApiKey(
        id=deps.new_id(),
        name=body.name,
        prefix=secret[:PREFIX_CHARACTERS],
        secret_sha256=hashlib.sha256(secret.encode()).digest(),
        scopes=sorted(set(body.scopes)),
        user_id=user_id,
    )
    if body.expires_in_days:
        key.expire_time.FromSeconds(int(time.time()) + body.expires_in_days * _DAY_SECONDS)
    wanted = key_pb2.CreateKeyRequest(key=key)
    response = await deps.peers.keys.ask(lambda stub: stub.CreateKey(wanted))
    if deps.ring is not None:
        await deps.ring.refresh()
    return answers.json(CreatedKey(secret, key_body(response.key)), 201)


@router.get("", **told("keys list", {200: KeyPage}))
async def list_keys(deps: Deps, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
    """Lists the keys, the revoked ones among them; a secret is never shown."""
    request = key_pb2.ListKeysRequest(page_size=page_size, page_token=page_token)
    page = await deps.peers.keys.ask(lambda stub: stub.ListKeys(request))
    return answers.json(KeyPage([key_body(each) for each in page.keys], page.next_page_token))


@router.delete("/{key_id}", **told("keys revoke", {200: KeyBody}))
async def revoke_key(key_id: str, deps: Deps) -> Response:
    """Revokes a key: at once here, within some seconds at the other gateways."""
    request = key_pb2.RevokeKeyRequest(key_id=key_id)
    response = await deps.peers.keys.ask(lambda stub: stub.RevokeKey(request))
    if deps.ring is not None:
        await deps.ring.refresh()
    return answers.json(key_body(response.key))
