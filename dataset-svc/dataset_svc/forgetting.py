"""Who is meant by an example, and by what a deleted user is remembered."""

import hashlib
import json

USER_FIELD = "user_id"
MARK = f'"{USER_FIELD}"'
"""What stands in the metadata of every example that names a user."""


def user_of(metadata_json: str) -> str | None:
    """The user that an example's metadata names; None for nobody."""
    if MARK not in metadata_json:
        return None
    user_id = json.loads(metadata_json).get(USER_FIELD)
    return user_id if isinstance(user_id, str) else None


def user_digest(user_id: str) -> bytes:
    """SHA-256 of a user's id, 32 bytes: a deleted user's own id is not kept."""
    return hashlib.sha256(user_id.encode()).digest()
