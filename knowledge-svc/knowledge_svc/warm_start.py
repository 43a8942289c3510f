"""What a replica does when it starts: it believes nothing before it knows what has changed, then warms up.

While it was away examples may have been edited or deleted, and the answers built on them still lie in its
file, and in Redis if all replicas were away. So until the bank's feed was followed to its head every look-up
is a miss. If the bank does not answer within the patience, what there is is served, as it is whenever the
bank is away. Then the hottest answers of the last run are loaded from where they lie: the snapshot is of
their keys alone, and so it can bring nothing back.
"""

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from knowledge_svc.model import Key
from knowledge_svc.service import KnowledgeService
from servicekit.logs import get_logger

_log = get_logger(__name__)

_KEY_BYTES: Final = 32
# A replica that is killed starts with what was hottest a minute before.
_SNAPSHOT_EVERY_SECONDS: Final = 60.0


class WarmStart:
    """Opens the slower tiers when they may be believed, loads the hottest entries, and notes which those are.

    Args:
        service: The cache.
        path: The snapshot's file.
        limit: Entries to load, and keys to note; 0 loads and notes nothing.
        at_head: Set once the bank's feed was followed to its head; None where none is followed.
        patience_seconds: How long that is waited for.
    """

    def __init__(
        self,
        service: KnowledgeService,
        path: Path,
        *,
        limit: int,
        at_head: asyncio.Event | None,
        patience_seconds: float,
    ) -> None:
        self._service = service
        self._path = path
        self._limit = limit
        self._at_head = at_head
        self._patience_seconds = patience_seconds
        self._warmed = False
        if at_head is not None:
            service.doubt_slower_tiers()

    async def run(self) -> None:
        """Does so, and then keeps the snapshot up to date."""
        if self._at_head is not None:
            await self._wait(self._at_head)
        self._service.believe_slower_tiers()
        if not self._limit:
            return
        self._service.remember(await asyncio.to_thread(_read, self._path, self._limit))
        loaded = await self._service.warm(self._limit)
        self._warmed = True
        _log.info("warmed", entries=loaded)
        while True:
            await asyncio.sleep(_SNAPSHOT_EVERY_SECONDS)
            await self.save()

    async def save(self) -> None:
        """Notes the hottest keys; until it has warmed up those of the last run stay noted."""
        if not self._warmed:
            return
        keys = self._service.hottest(self._limit)
        try:
            await asyncio.to_thread(_write, self._path, keys)
        except OSError as error:
            _log.warning("the hottest entries cannot be noted", path=str(self._path), error=str(error))

    async def _wait(self, at_head: asyncio.Event) -> None:
        try:
            async with asyncio.timeout(self._patience_seconds):
                await at_head.wait()
        except TimeoutError:
            _log.warning("what changed in the bank is not known yet; what is cached is served all the same")


def _read(path: Path, limit: int) -> list[Key]:
    """The keys of the snapshot; one that is missing or was cut has fewer."""
    try:
        with path.open("rb") as file:
            data = file.read(limit * _KEY_BYTES)
    except OSError:
        return []
    return [data[at : at + _KEY_BYTES] for at in range(0, len(data) - _KEY_BYTES + 1, _KEY_BYTES)]


def _write(path: Path, keys: Sequence[Key]) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(b"".join(keys))
    os.replace(beside, path)  # noqa: PTH105 - one step, also where the file is there
