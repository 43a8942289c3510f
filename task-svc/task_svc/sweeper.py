"""Removes what nobody keeps any longer: old tasks, artefacts without a task, and what killed workers left."""

import asyncio
from collections.abc import Callable
from typing import Final

from servicekit.logs import get_logger
from task_svc.ports import ArtifactStore, Claims

_log = get_logger(__name__)

_BATCH: Final = 500
# What an attempt has just stored, and its task does not name yet, is younger than that.
GRACE_SECONDS: Final = 3600.0


class Sweeper:
    """Looks in rounds; several replicas may do so at the same time.

    An artefact is found by its content, so that two tasks may share one. It is removed when no task names
    it and it has not been written for an hour. The progress of a task is of interest for as long.

    Args:
        store: The tasks.
        artifacts: The artefacts.
        retention_seconds: How long a task is kept after its end.
        interval_seconds: Time between two rounds.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        store: Claims,
        artifacts: ArtifactStore,
        retention_seconds: float,
        interval_seconds: float,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._artifacts = artifacts
        self._retention_seconds = retention_seconds
        self._interval_seconds = interval_seconds
        self._clock = clock

    async def run(self) -> None:
        """Rounds until it is cancelled."""
        while True:
            await self.round()
            await asyncio.sleep(self._interval_seconds)

    async def round(self) -> None:
        """Looks once."""
        now = self._clock()
        tasks = 0
        while removed := await self._store.forget(now - self._retention_seconds, _BATCH):
            tasks += removed
        before = now - GRACE_SECONDS
        await self._store.forget_progress(before)
        self._artifacts.sweep_scratch(before)
        old = await self._artifacts.unchanged_since(before)
        unused = await self._store.unused(old) if old else frozenset()
        files = sum([await self._artifacts.remove(digest, before) for digest in sorted(unused)])
        if tasks or files:
            _log.info("swept", tasks=tasks, artifacts=files)
