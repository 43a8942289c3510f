"""Any number of watchers, on a real store that counts how often it is read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from task_svc.errors import TaskNotFound
from task_svc.model import UNBOUNDED, History, Task, TaskKind
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase
from task_svc.watching import Announcements, Watcher
from tests.support.waiting import eventually

WATCHERS = 200


class CountingStore(SqliteTaskStore):
    """Counts the reads of histories."""

    reads = 0

    async def history(self, task_id: str, after_revision: int) -> History:
        """See ports.Tasks."""
        self.reads += 1
        return await super().history(task_id, after_revision)


@pytest.fixture
def announcements() -> Announcements:
    return Announcements()


@pytest.fixture
async def store(tmp_path: Path, announcements: Announcements) -> AsyncIterator[CountingStore]:
    database = await SqliteDatabase.open(tmp_path / "t.sqlite")
    opened = CountingStore(database, announcements.announce)
    await opened.submit(Task("t", TaskKind.ART, "", "{}", 5, 1000.0, 1000.0), UNBOUNDED)
    yield opened
    await opened.close()


async def test_watchers_of_a_task_share_the_reads(store: CountingStore, announcements: Announcements) -> None:
    watcher = Watcher(store, announcements, 1000)
    seen: list[list[tuple[int, float]]] = [[] for _ in range(WATCHERS)]

    async def watch(mine: list[tuple[int, float]]) -> None:
        async for task in watcher.follow("t", 0):
            mine.append((task.revision, task.progress_percent))  # noqa: PERF401 - each as it comes

    watching = [asyncio.create_task(watch(each)) for each in seen]
    await eventually(lambda: all(each == [(1, 0.0)] for each in seen))
    await store.claim("t", "w", 1001.0)
    for percent in (25.0, 50.0, 75.0):
        await store.beat("t", 1, percent, "rendering", 1001.0 + percent)
        await eventually(lambda: all(each[-1][1] == percent for each in seen))  # noqa: B023 - awaited here
    await store.succeed("t", 1, [], "{}", 1100.0)
    await asyncio.gather(*watching)
    assert seen == [[(1, 0.0), (2, 0.0), (3, 25.0), (4, 50.0), (5, 75.0), (6, 100.0)]] * WATCHERS
    # One at the beginning, and one or two for each of the five changes.
    assert store.reads <= 11
    assert watcher._looks == {}


async def test_without_announcements_one_looks_from_time_to_time(store: CountingStore) -> None:
    deaf = Watcher(store, Announcements(), 0.001)
    watching = asyncio.create_task(_last(deaf))
    await store.claim("t", "w", 1001.0)
    await store.succeed("t", 1, [], "{}", 1100.0)
    assert (await watching).revision == 3


async def test_a_failure_reaches_every_watcher_of_a_shared_read(
    store: CountingStore, announcements: Announcements
) -> None:
    watcher = Watcher(store, announcements, 1000)
    watching = [anext(watcher.follow("nobody", 3)) for _ in range(3)]
    ended = await asyncio.gather(*watching, return_exceptions=True)
    assert [type(each) for each in ended] == [TaskNotFound] * 3
    assert store.reads == 1


async def _last(watcher: Watcher) -> Task:
    return [task async for task in watcher.follow("t", 0)][-1]
