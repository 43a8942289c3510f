"""Waits for changes of tasks: announced by this process at once, found in the store for other replicas."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

from task_svc.model import Task
from task_svc.ports import Tasks


class Announcements:
    """Who waits for which task in this process."""

    def __init__(self) -> None:
        self._waiting: dict[str, set[asyncio.Event]] = {}

    def announce(self, task_id: str) -> None:
        """Wakes those who wait for a task; to be called in the event loop, after the commit."""
        for event in self._waiting.get(task_id, ()):
            event.set()

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

    Args:
        tasks: Where they are read.
        announcements: What this process changes.
        poll_seconds: Longest time between two looks, for what others change.
    """

    def __init__(self, tasks: Tasks, announcements: Announcements, poll_seconds: float) -> None:
        self._tasks = tasks
        self._announcements = announcements
        self._poll_seconds = poll_seconds

    async def follow(self, task_id: str, after_revision: int) -> AsyncIterator[Task]:
        """Yields the task each time that it has changed, and ends with its terminal state.

        Raises:
            TaskNotFound: There is no such task.
            StoreUnavailable: The store went away; the watcher may come back with its last revision.
        """
        with self._announcements.listening(task_id) as changed:
            while True:
                changed.clear()
                task = await self._tasks.get(task_id)
                if task.revision > after_revision:
                    after_revision = task.revision
                    yield task
                if task.state.terminal:
                    return
                try:
                    async with asyncio.timeout(self._poll_seconds):
                        await changed.wait()
                except TimeoutError:
                    continue
