"""A loop beside the server neither ends in silence nor outlives its block."""

import asyncio

from servicekit.background import ended, in_background


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
    begun, over = asyncio.Event(), asyncio.Event()

    async def loop() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            over.set()

    async with in_background("test", loop), asyncio.timeout(10):
        await begun.wait()

    assert over.is_set()


async def test_a_loop_that_lost_its_cancellation_is_told_again() -> None:
    """As asyncio.wait_for loses it until Python 3.12 if what it waits for ends at that moment."""
    begun, lost = asyncio.Event(), asyncio.Event()

    async def loop() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            lost.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(loop())
    await begun.wait()
    async with asyncio.timeout(30):
        await ended(task)

    assert lost.is_set()
    assert task.cancelled()
