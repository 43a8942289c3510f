"""The connections to Redis, and what their faults mean to us."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import redis.asyncio
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from servicekit.errors import ConfigurationError, StoreUnavailable

PREFIX: Final = "mcai:g1:"
_MAX_CONNECTIONS: Final = 16


@asynccontextmanager
async def open_client(url: SecretStr, *, budget_seconds: float) -> AsyncIterator[redis.asyncio.Redis]:
    """A client that connects at its first call and never repeats one; whether to is the breaker's business.

    Raises:
        ConfigurationError: The URL is malformed.
    """
    try:
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url.get_secret_value(),
            max_connections=_MAX_CONNECTIONS,
            timeout=budget_seconds,
            socket_connect_timeout=budget_seconds,
            socket_timeout=budget_seconds,
            retry=Retry(NoBackoff(), 0),
        )
    except ValueError as error:
        raise ConfigurationError(
            f"MCAI_REDIS_URL is not a Redis URL ({error}); write it as redis://host:6379/0."
        ) from None
    client = redis.asyncio.Redis.from_pool(pool)
    try:
        yield client
    finally:
        await client.aclose()


@contextmanager
def mapping() -> Iterator[None]:
    """Turns every fault on the way into StoreUnavailable."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise StoreUnavailable(f"redis: {type(error).__name__}") from error


async def ping(client: redis.asyncio.Redis) -> None:
    """Returns if Redis answers."""
    with mapping():
        await client.ping()
