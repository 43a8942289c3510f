"""One house a module: tests in it share a bank, so each uses words and domains of its own."""

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.support.gateway_house import House, gateway_house


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house() -> AsyncIterator[House]:
    """The gateway and the real services behind it."""
    async with gateway_house() as running:
        yield running
