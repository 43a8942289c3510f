"""The list of the journalled changes that met others."""

from dataset_svc.conflicts import Conflict
from dataset_svc.message_size import messages
from dataset_svc.ports import Conflicts
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

CONFLICT_ROWS, MAX_CONFLICT_ROWS = 50, 500


class ConflictService:
    """The use-case of ListConflicts."""

    def __init__(self, conflicts: Conflicts) -> None:
        self._conflicts = conflicts

    async def list(self, page_size: int, page_token: str) -> tuple[list[Conflict], str]:
        """A page of conflicts in the order in which they were found, and the token of the next."""
        limit = clamp_page_size(page_size, CONFLICT_ROWS, MAX_CONFLICT_ROWS)
        rows = await self._conflicts.list(_position(page_token), limit + 1)
        page = next(messages(rows[:limit], _conflict_bytes), [])
        return page, encode_token({"conflict": page[-1].sequence}) if len(page) < len(rows) else ""


def _position(page_token: str) -> int:
    """The sequence after which a page begins; raises InvalidArgument for the token of another list."""
    position = decode_token(page_token)
    sequence = position.get("conflict", 0)
    if set(position) <= {"conflict"} and isinstance(sequence, int) and 0 <= sequence < 1 << 63:
        return sequence
    raise InvalidArgument("page_token is not one of this list.", metadata={"field": "page_token"})


def _conflict_bytes(conflict: Conflict) -> int:
    return 300 + len(conflict.lost_json.encode())
