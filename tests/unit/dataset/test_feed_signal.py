import asyncio

from dataset_svc.feed_signal import FeedSignal


async def test_a_waiter_that_is_behind_does_not_wait() -> None:
    signal = FeedSignal()
    signal.advance(3)
    async with asyncio.timeout(5):
        await signal.wait(2, 60.0)


async def test_every_waiter_wakes_when_the_feed_grows() -> None:
    signal = FeedSignal()
    waiters = [asyncio.create_task(signal.wait(0, 60.0)) for _ in range(3)]
    await asyncio.sleep(0)
    signal.advance(1)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiters)


async def test_a_restarted_feed_is_waited_for_anew() -> None:
    signal = FeedSignal()
    signal.advance(100)
    signal.restart(2)
    waiter = asyncio.create_task(signal.wait(2, 60.0))
    await asyncio.sleep(0)
    assert not waiter.done()
    signal.advance(3)
    async with asyncio.timeout(5):
        await waiter


async def test_a_waiter_looks_itself_after_its_time() -> None:
    async with asyncio.timeout(5):
        await FeedSignal().wait(0, 0.001)
        await FeedSignal().wait(0, 60.0)  # the poll comes first
