"""Keys of the HTTP front in the bank's SQLite file."""

import sqlite3
from typing import Any, Final

from dataset_svc.errors import KeyExists, KeyNotFound
from dataset_svc.model import ApiKey
from dataset_svc.sqlite_database import SqliteDatabase

_KEYS: Final = (
    "SELECT id, name, prefix, secret_sha256, scopes, user_id, create_time, expire_time, revoke_time "
    "FROM api_keys "
)


class SqliteKeys:
    """ports.Keys on an open SqliteDatabase, which the bank closes."""

    def __init__(self, database: SqliteDatabase) -> None:
        self._database = database

    async def create_key(self, key: ApiKey) -> ApiKey:
        """See ports.Keys."""

        def work(connection: sqlite3.Connection) -> ApiKey:
            connection.execute(
                "INSERT INTO api_keys (id, name, prefix, secret_sha256, scopes, user_id, create_time, "
                "expire_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    key.id,
                    key.name,
                    key.prefix,
                    key.secret_sha256,
                    " ".join(key.scopes),
                    key.user_id,
                    key.create_time,
                    key.expire_time,
                ),
            )
            stored = _key(connection, key.id)
            if stored is None:
                raise KeyExists("There is another key with this secret.")
            return stored

        return await self._database.write(work)

    async def list_keys(self, after_id: str, limit: int) -> list[ApiKey]:
        """See ports.Keys."""

        def work(connection: sqlite3.Connection) -> list[ApiKey]:
            found = connection.execute(_KEYS + "WHERE id > ? ORDER BY id LIMIT ?", (after_id, limit))
            return [_of(row) for row in found]

        return await self._database.read(work)

    async def revoke_key(self, key_id: str, now: float) -> ApiKey:
        """See ports.Keys."""

        def work(connection: sqlite3.Connection) -> ApiKey:
            connection.execute(
                "UPDATE api_keys SET revoke_time = coalesce(revoke_time, ?) WHERE id = ?", (now, key_id)
            )
            revoked = _key(connection, key_id)
            if revoked is None:
                raise KeyNotFound(f"There is no key {key_id!r}.")
            return revoked

        return await self._database.write(work)


def _key(connection: sqlite3.Connection, key_id: str) -> ApiKey | None:
    row = connection.execute(_KEYS + "WHERE id = ?", (key_id,)).fetchone()
    return None if row is None else _of(row)


def _of(row: tuple[Any, ...]) -> ApiKey:
    identifier, name, prefix, secret, scopes, *rest = row
    return ApiKey(identifier, name, prefix, secret, tuple(scopes.split()), *rest)
