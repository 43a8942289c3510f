"""The writes that the journal keeps, as JSON: a person can read what waits, and any version can apply it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

from dataset_svc.conflicts import Appended, Deletion, Edit, Write
from dataset_svc.forgetting import user_of
from dataset_svc.model import Example, Feedback, Message, Rating, Role
from servicekit.journal import Entry

EXAMPLE: Final = "example"
EDIT: Final = "edit"
DELETION: Final = "deletion"
MESSAGES: Final = "messages"
FEEDBACK: Final = "feedback"

Row = tuple[str, str, bytes]
"""Id, kind and payload of an entry; the id is what makes its replay idempotent."""


def of_example(example: Example, new_id: str) -> Row:
    """A new example; `new_id` tells it from another attempt to create the same one."""
    return f"{EXAMPLE}:{new_id}", EXAMPLE, _encode(_fields(example))


def of_edit(edit: Edit, new_id: str) -> Row:
    """A change of an example; `new_id` tells it from all other changes."""
    payload = {
        "example": _fields(edit.example),
        "base_time": edit.base_time,
        "base_user": edit.base_user,
    }
    return f"{EDIT}:{new_id}", EDIT, _encode(payload)


def of_deletion(deletion: Deletion, new_id: str) -> Row:
    """The removal of an example; `new_id` tells it from all other changes."""
    return f"{DELETION}:{new_id}", DELETION, _encode(asdict(deletion))


def of_messages(conversation_id: str, user_id: str, messages: Sequence[Message]) -> Row:
    """Messages; the same call made again has the same id."""
    digest = hashlib.sha256("\n".join(message.id for message in messages).encode()).hexdigest()
    payload = {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "messages": [asdict(message) | {"role": message.role.value} for message in messages],
    }
    return f"{MESSAGES}:{conversation_id}:{digest}", MESSAGES, _encode(payload)


def of_feedback(feedback: Feedback) -> Row:
    """An opinion."""
    payload = asdict(feedback) | {"rating": feedback.rating.value}
    return f"{FEEDBACK}:{feedback.id}", FEEDBACK, _encode(payload)


def write_of(entry: Entry) -> Write:
    """Returns what the entry asks to be written."""
    fields = json.loads(entry.payload)
    if entry.kind == EXAMPLE:
        return Example(**fields)
    if entry.kind == EDIT:
        return Edit(**fields | {"example": Example(**fields["example"])})
    if entry.kind == DELETION:
        return Deletion(**fields)
    if entry.kind == FEEDBACK:
        return Feedback(**fields | {"rating": Rating(fields["rating"])})
    messages = (Message(**message | {"role": Role(message["role"])}) for message in fields["messages"])
    return Appended(fields["conversation_id"], fields["user_id"], tuple(messages))


def of_an_example(entry: Entry) -> bool:
    """Whether the entry asks for a change of an example."""
    return entry.kind in {EXAMPLE, EDIT, DELETION}


def names_user(entry: Entry, user_id: str) -> bool:
    """Whether what the entry asks to be written is of this user."""
    match write_of(entry):
        case Example() as example:
            return user_of(example.metadata_json) == user_id
        case Edit() as edit:
            return user_id in edit.users
        case Deletion():
            return False
        case Appended() as appended:
            return appended.user_id == user_id
        case Feedback() as feedback:
            return feedback.user_id == user_id


def _fields(example: Example) -> dict[str, Any]:
    fields = asdict(example)
    # Its dataset's, which the store knows.
    del fields["analyser"]
    return fields


def _encode(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()
