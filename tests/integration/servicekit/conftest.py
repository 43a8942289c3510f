"""Servers and channels for the tests of servicekit, on Unix sockets or loopback ports of their own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from servicekit.channel import open_channel
from servicekit.server import GrpcServer
from servicekit.service_channel import ServiceChannel
from servicekit.settings import ServiceSettings, load
from tests.support.echo_service import EchoServicer, descriptor

StartServer = Callable[..., Awaitable[GrpcServer]]
Connect = Callable[..., ServiceChannel]


@pytest.fixture
async def started() -> AsyncIterator[AsyncExitStack]:
    """What a test starts, closed in reverse order."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def start_server(started: AsyncExitStack, tmp_path: Path) -> StartServer:
    """Starts an echo server; keywords go to GrpcServer, the others to its settings."""

    async def start(
        servicer: EchoServicer | None = None,
        *,
        probes: Any = (),
        registry: CollectorRegistry | None = None,
        on_drain: Any = (),
        **overrides: Any,
    ) -> GrpcServer:
        settings = load(ServiceSettings, **({"listen": f"unix:{tmp_path / 'echo.sock'}"} | overrides))
        registrations = [(servicer or EchoServicer()).registration()]
        server = GrpcServer(
            settings, "echo", registrations, probes, registry or CollectorRegistry(), on_drain
        )
        return await started.enter_async_context(server)

    return start


@pytest.fixture
def connect(started: AsyncExitStack) -> Connect:
    """Opens a channel to a server or an address."""

    def open_(target: GrpcServer | str, **options: Any) -> ServiceChannel:
        address = target if isinstance(target, str) else target.address
        token = options.pop("token", None)
        channel = open_channel(
            address,
            services=[descriptor()],
            token=SecretStr(token) if token else None,
            **({"timeout_seconds": 5.0} | options),
        )
        assert isinstance(channel, ServiceChannel)
        started.push_async_callback(channel.close)
        return channel

    return open_
