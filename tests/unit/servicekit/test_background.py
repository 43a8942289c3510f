"""A loop beside the server neither ends in silence nor outlives its block."""

import asyncio

from servicekit.background import in_background


async def test_a_loop_that_breaks_is_begun_again() -> None:
    again = asyncio.Event()
    begun = 0

    async def loop() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise RuntimeError("broken")
        again.set()
        await asyncio.Event().wait()

    async with in_background("test", loop, pause_seconds=0.0), asyncio.timeout(10):
        await again.wait()

    assert begun == 2


async def test_a_loop_ends_with_its_block() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def loop() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with in_background("test", loop), asyncio.timeout(10):
        await begun.wait()

    assert ended.is_set()
