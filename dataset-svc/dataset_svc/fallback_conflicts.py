"""Conflicts of a store that is never away, such as a SQLite file: nothing is journalled, so none is met."""

from dataset_svc.conflicts import Conflict


class NoConflicts:
    """ports.Conflicts."""

    async def list(self, after_sequence: int, limit: int, user_id: str | None = None) -> list[Conflict]:  # noqa: ARG002 - the port's
        """See ports.Conflicts."""
        return []
