"""Keys of the HTTP front in the bank's PostgreSQL."""

from typing import Any, Final

from dataset_svc.errors import KeyExists, KeyNotFound
from dataset_svc.model import ApiKey
from dataset_svc.postgres_database import Connection, PostgresDatabase

_KEYS: Final = (
    "SELECT id, name, prefix, secret_sha256, scopes, user_id, create_time, expire_time, revoke_time "
    "FROM api_keys "
)


class PostgresKeys:
    """ports.Keys on an open PostgresDatabase, which the bank closes."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database

    async def create_key(self, key: ApiKey) -> ApiKey:
        """See ports.Keys."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "INSERT INTO api_keys (id, name, prefix, secret_sha256, scopes, user_id, create_time, "
                "expire_time) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
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
            stored = await _one(connection, _KEYS + "WHERE id = %s", key.id)
        if stored is None:
            raise KeyExists("There is another key with this secret.")
        return stored

    async def list_keys(self, after_id: str, limit: int) -> list[ApiKey]:
        """See ports.Keys."""
        async with self._database.connection() as connection:
            cursor = await connection.execute(_KEYS + "WHERE id > %s ORDER BY id LIMIT %s", (after_id, limit))
            return [_of(row) for row in await cursor.fetchall()]

    async def revoke_key(self, key_id: str, now: float) -> ApiKey:
        """See ports.Keys."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "UPDATE api_keys SET revoke_time = coalesce(revoke_time, %s) WHERE id = %s", (now, key_id)
            )
            revoked = await _one(connection, _KEYS + "WHERE id = %s", key_id)
        if revoked is None:
            raise KeyNotFound(f"There is no key {key_id!r}.")
        return revoked


async def _one(connection: Connection, statement: str, *values: object) -> ApiKey | None:
    row = await (await connection.execute(statement, values)).fetchone()
    return None if row is None else _of(row)


def _of(row: tuple[Any, ...]) -> ApiKey:
    identifier, name, prefix, secret, scopes, *rest = row
    return ApiKey(identifier, name, prefix, bytes(secret), tuple(scopes.split()), *rest)
