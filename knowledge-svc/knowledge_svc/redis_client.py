"""The connections to Redis, and what their faults mean to us."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import redis.asyncio
from pydantic import SecretStr
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError, RedisError, ResponseError
from redis.maint_notifications import MaintNotificationsConfig

from knowledge_svc.errors import StoreRefused, StoreUnavailable
from servicekit.errors import ConfigurationError

PREFIX: Final = b"mcai:k1:"
CHANNEL: Final = PREFIX + b"bulletin"
GENERATION: Final = PREFIX + b"generation"

# Each is one file descriptor; a lookup holds one for some 100 µs.
_MAX_CONNECTIONS: Final = 32


def open_client(url: SecretStr, *, budget_seconds: float) -> redis.asyncio.Redis:
    """Returns a client that connects at its first call, and looks the host's name up at every connect.

    It never repeats a command: whether and when to try again is the breaker's business.

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
            protocol=3,
            retry=Retry(NoBackoff(), 0),
            # Both of the following would cost a new connection one more round trip.
            driver_info=None,
            maint_notifications_config=MaintNotificationsConfig(enabled=False),
        )
    except ValueError as error:
        raise ConfigurationError(
            f"MCAI_REDIS_URL is not a Redis URL ({error}); write it as redis://host:6379/0."
        ) from None
    return redis.asyncio.Redis.from_pool(pool)


@contextmanager
def mapping() -> Iterator[None]:
    """Turns a refusal of Redis into StoreRefused, and every other fault on the way into StoreUnavailable.

    One that is read-only is another's replica now: the one that is meant is elsewhere.
    """
    try:
        yield
    except ReadOnlyError as error:
        raise StoreUnavailable("redis: it is read-only") from error
    except ResponseError as error:
        raise StoreRefused(f"redis: {error}") from error
    # TypeError: from Python 3.12 on asyncio calls None when it writes to a connection that was lost just now.
    except (RedisError, OSError, TypeError) as error:
        raise StoreUnavailable(f"redis: {type(error).__name__}") from error
