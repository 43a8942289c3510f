"""Bodies of keys."""

from typing import Annotated, Literal

import msgspec

from gateway.schemas.chat import Name
from gateway.schemas.times import rfc3339
from mcai.dataset.v1 import key_pb2

ScopeName = Literal["chat", "bank:write", "admin"]


class NewKey(msgspec.Struct):
    """A key to make; without a user it is that of a user of its own name, an admin's reaches everybody."""

    name: Name
    scopes: Annotated[list[ScopeName], msgspec.Meta(min_length=1, max_length=3)] = msgspec.field(
        default_factory=lambda: ["chat"]
    )
    user_id: Name | None = None
    expires_in_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0


class KeyBody(msgspec.Struct):
    """A key without its secret; `prefix` is how it begins."""

    id: str
    name: str
    prefix: str
    scopes: list[str]
    user_id: str
    create_time: str | None
    expire_time: str | None
    revoke_time: str | None


class CreatedKey(msgspec.Struct):
    """A new key and its secret, which is shown this once and kept nowhere."""

    key: str
    record: KeyBody


class KeyPage(msgspec.Struct):
    """A page of keys, in the order of their making."""

    keys: list[KeyBody]
    next_page_token: str


def key_body(key: key_pb2.ApiKey) -> KeyBody:
    """Returns a key for a client."""
    return KeyBody(
        id=key.id,
        name=key.name,
        prefix=key.prefix,
        scopes=list(key.scopes),
        user_id=key.user_id,
        create_time=rfc3339(key, "create_time"),
        expire_time=rfc3339(key, "expire_time"),
        revoke_time=rfc3339(key, "revoke_time"),
    )
