"""Keys of the HTTP front, a method per RPC: checked, and handed to the store."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from dataset_svc.model import ApiKey
from dataset_svc.ports import Keys
from dataset_svc.rules import checked_identifier
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

SCOPES: Final = frozenset({"chat", "bank:write", "admin"})
KEY_ROWS, MAX_KEY_ROWS = 100, 1_000
HASH_BYTES: Final = 32
MAX_PREFIX_CHARACTERS: Final = 16


class KeyService:
    """The store keeps them; see ports.Keys for what holds while it is away."""

    def __init__(self, keys: Keys, *, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._clock = clock

    async def create(self, key: ApiKey) -> ApiKey:
        """Store a key of now; the same id again returns what is stored."""
        checked_identifier("id", key.id)
        checked_identifier("name", key.name)
        checked_identifier("user_id", key.user_id, required=False)
        if len(key.secret_sha256) != HASH_BYTES or len(key.prefix) > MAX_PREFIX_CHARACTERS:
            raise InvalidArgument("A key has a hash of 32 bytes and a prefix of 16 characters at the most.")
        if not key.scopes or not SCOPES.issuperset(key.scopes):
            raise InvalidArgument(
                f"scopes must be some of {', '.join(sorted(SCOPES))}.", metadata={"field": "scopes"}
            )
        return await self._keys.create_key(replace(key, create_time=self._clock(), revoke_time=None))

    async def list(self, page_size: int, page_token: str) -> tuple["list[ApiKey]", str]:
        """A page of keys and the token of the next."""
        limit = clamp_page_size(page_size, KEY_ROWS, MAX_KEY_ROWS)
        after = decode_token(page_token).get("id", "") if page_token else ""
        if not isinstance(after, str):
            raise InvalidArgument("page_token is not one of this list.", metadata={"field": "page_token"})
        rows = await self._keys.list_keys(after, limit + 1)
        page = rows[:limit]
        return page, encode_token({"id": page[-1].id}) if len(rows) > limit else ""

    async def revoke(self, key_id: str) -> ApiKey:
        """End a key; raises KeyNotFound."""
        checked_identifier("key_id", key_id)
        return await self._keys.revoke_key(key_id, self._clock())
