"""Follows the changes of tasks: told of by this process and by the store, and looked for beneath that."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final

from servicekit import deadline
from task_svc.model import History, Task
from task_svc.ports import Tasks

# How much rarer one looks for what one is told of anyway.
_RARER: Final = 10


class Announcements:
    """Who waits for which task in this process.

    Attributes:
        complete: Whether what other processes change is announced as well.
        number: How many there were.
    """

    def __init__(self) -> None:
        self.complete = False
        self.number = 0
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def announce(self, task_id: str) -> None:
        """Wakes those who wait for a task; to be called in the event loop, after the commit."""
        self.number += 1
        for event in self._waiting.get(task_id, ()):
            event.set()

    def wake_all(self) -> None:
        """Has everybody look, since something may have been missed."""
        for task_id in self._waiting:
            self.announce(task_id)

    @contextmanager
    def listening(self, task_id: str) -> Iterator[asyncio.Event]:
        """Gives an event that is set at each announcement of the task."""
        event = asyncio.Event()
        self._waiting.setdefault(task_id, set()).add(event)
        try:
            yield event
        finally:
            events = self._waiting[task_id]
            events.discard(event)
            if not events:
                del self._waiting[task_id]


class Watcher:
    """Follows tasks.

    Watchers of the same task who were woken by the same change share one look at the store.

    Args:
        tasks: Where they are read.
        announcements: What is changed, by this process or by any.
        poll_seconds: Longest time between two looks, for what others change; ten times that while
            their changes are announced.
    """

    def __init__(self, tasks: Tasks, announcements: Announcements, poll_seconds: float) -> None:
        self._tasks = tasks
        self._announcements = announcements
        self._poll_seconds = poll_seconds
        self._looks: dict[tuple[str, int, int], asyncio.Task[History]] = {}

    async def follow(self, task_id: str, after_revision: int) -> AsyncIterator[Task]:
        """Yields the task after each change since a revision (0: as it is now), and ends with its end.

        Raises:
            TaskNotFound: There is no such task.
            StoreUnavailable: The store went away; the watcher may come back with its last revision.
        """
        with self._announcements.listening(task_id) as changed:
            if after_revision == 0:
                task = await self._tasks.get(task_id)
                after_revision = task.revision
                yield task
                if task.state.terminal:
                    return
            while True:
                changed.clear()
                history = await self._look(task_id, after_revision)
                for task in history.changes:
                    after_revision = task.revision
                    yield task
                if history.present.state.terminal:
                    return
                try:
                    async with asyncio.timeout(self._poll_seconds * self._rarity):
                        await changed.wait()
                except TimeoutError:
                    continue

    @property
    def _rarity(self) -> int:
        return _RARER if self._announcements.complete else 1

    async def _look(self, task_id: str, after_revision: int) -> History:
        # A look that began before the last announcement may not have seen what was announced.
        key = (task_id, after_revision, self._announcements.number)
        look = self._looks.get(key)
        if look is None:
            # It is not the first watcher's alone, so neither its deadline nor its end may end it.
            with deadline.unlimited():
                look = asyncio.create_task(self._tasks.history(task_id, after_revision))
            self._looks[key] = look
            look.add_done_callback(lambda _: self._looks.pop(key))
        return await asyncio.shield(look)
