"""What has no other way while PostgreSQL is away: imports, the archive, conflicts, what is kept of a user.

Each is refused with `StoreUnavailable`: an import's sender has the rows and goes on later, and the others
depend on what the store holds. The first call that meets a silent server pays one budget, those after it
nothing.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from dataset_svc.conflicts import Conflict
from dataset_svc.model import (
    ChunkOutcome,
    Dataset,
    Example,
    Feedback,
    ImportChunk,
    ImportProgress,
    Moved,
    Refusal,
    UserCounts,
)
from dataset_svc.outage import Outage
from dataset_svc.ports import Archive, Conflicts, Imports, Users

_BATCH_SECONDS: Final = 10.0
_BULK_SECONDS: Final = 120.0

Erase = Callable[[str], Awaitable[None]]
"""Drops what this replica's journal holds of a user."""


class GuardedImports:
    """ports.Imports around another one."""

    def __init__(self, imports: Imports, outage: Outage) -> None:
        self._imports = imports
        self._outage = outage

    async def progress(self, request_id: str) -> ImportProgress:
        """See ports.Imports."""
        return await self._outage.ask(lambda: self._imports.progress(request_id))

    async def store(self, chunk: ImportChunk, now: float) -> ChunkOutcome:
        """See ports.Imports."""
        return await self._outage.ask(lambda: self._imports.store(chunk, now), budget_seconds=_BATCH_SECONDS)

    async def finish(self, request_id: str, now: float) -> None:
        """See ports.Imports."""
        await self._outage.ask(lambda: self._imports.finish(request_id, now))

    async def refusals(self, request_id: str) -> list[Refusal]:
        """See ports.Imports."""
        return await self._outage.ask(lambda: self._imports.refusals(request_id))

    async def forget(self, before: float) -> None:
        """See ports.Imports."""
        await self._outage.ask(lambda: self._imports.forget(before))


class GuardedArchive:
    """ports.Archive around another one."""

    def __init__(self, archive: Archive, outage: Outage) -> None:
        self._archive = archive
        self._outage = outage

    async def archive(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""
        return await self._outage.ask(
            lambda: self._archive.archive(ids, domain, after_id, limit, now), budget_seconds=_BULK_SECONDS
        )

    async def restore(
        self, ids: Sequence[str] | None, domain: str, after_id: str, limit: int, now: float
    ) -> Moved:
        """See ports.Archive."""
        return await self._outage.ask(
            lambda: self._archive.restore(ids, domain, after_id, limit, now), budget_seconds=_BULK_SECONDS
        )

    async def rotate(self, domain: str, limit: int, now: float) -> int:
        """See ports.Archive."""
        return await self._outage.ask(
            lambda: self._archive.rotate(domain, limit, now), budget_seconds=_BULK_SECONDS
        )

    async def ruled(self) -> list[Dataset]:
        """See ports.Archive."""
        return await self._outage.ask(self._archive.ruled)

    async def list_archived(self, domain: str, after_id: str, limit: int) -> list[Example]:
        """See ports.Archive."""
        return await self._outage.ask(lambda: self._archive.list_archived(domain, after_id, limit))


class GuardedConflicts:
    """ports.Conflicts around another one."""

    def __init__(self, conflicts: Conflicts, outage: Outage) -> None:
        self._conflicts = conflicts
        self._outage = outage

    async def list(self, after_sequence: int, limit: int, user_id: str | None = None) -> list[Conflict]:
        """See ports.Conflicts."""
        return await self._outage.ask(lambda: self._conflicts.list(after_sequence, limit, user_id))


class GuardedUsers:
    """ports.Users around another one; `forget` drops what this replica's journal holds as well."""

    def __init__(self, users: Users, outage: Outage, erase: Erase) -> None:
        self._users = users
        self._outage = outage
        self._erase = erase

    async def feedback(self, user_id: str, after: tuple[float, str], limit: int) -> list[Feedback]:
        """See ports.Users."""
        return await self._outage.ask(lambda: self._users.feedback(user_id, after, limit))

    async def examples(self, user_id: str, after_id: str, limit: int) -> tuple[list[Example], str]:
        """See ports.Users."""
        return await self._outage.ask(
            lambda: self._users.examples(user_id, after_id, limit), budget_seconds=_BULK_SECONDS
        )

    async def forget(self, user_id: str, now: float) -> UserCounts:
        """See ports.Users."""
        counts = await self._outage.ask(
            lambda: self._users.forget(user_id, now), budget_seconds=_BULK_SECONDS
        )
        # After the store: an entry that is being replayed meanwhile meets the deletion there.
        await self._erase(user_id)
        return counts

    async def forgotten_at(self, user_id: str) -> float | None:
        """See ports.Users."""
        return await self._outage.ask(lambda: self._users.forgotten_at(user_id))
