"""The writes that the journal keeps, as JSON: a person can read what waits, and any version can apply it."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from dataset_svc.forgetting import user_of
from dataset_svc.model import Example, Feedback, Message, Rating, Role
from servicekit.journal import Entry

EXAMPLE: Final = "example"
MESSAGES: Final = "messages"
FEEDBACK: Final = "feedback"


@dataclass(frozen=True, slots=True)
class Appended:
    """The arguments of one append_messages."""

    conversation_id: str
    user_id: str
    messages: tuple[Message, ...]


def of_example(example: Example) -> tuple[str, str, bytes]:
    """Id, kind and payload of an example; its own id makes the replay idempotent."""
    fields = asdict(example)
    # Its dataset's, which the store knows.
    del fields["analyser"]
    return f"{EXAMPLE}:{example.id}", EXAMPLE, _encode(fields)


def of_messages(conversation_id: str, user_id: str, messages: Sequence[Message]) -> tuple[str, str, bytes]:
    """Id, kind and payload of messages; the same call made again has the same id."""
    digest = hashlib.sha256("\n".join(message.id for message in messages).encode()).hexdigest()
    payload = {
        "conversation_id": conversation_id,
        "user_id": user_id,
        "messages": [asdict(message) | {"role": message.role.value} for message in messages],
    }
    return f"{MESSAGES}:{conversation_id}:{digest}", MESSAGES, _encode(payload)


def of_feedback(feedback: Feedback) -> tuple[str, str, bytes]:
    """Id, kind and payload of an opinion."""
    payload = asdict(feedback) | {"rating": feedback.rating.value}
    return f"{FEEDBACK}:{feedback.id}", FEEDBACK, _encode(payload)


def write_of(entry: Entry) -> Example | Appended | Feedback:
    """Returns what the entry asks to be written."""
    fields = json.loads(entry.payload)
    if entry.kind == EXAMPLE:
        return Example(**fields)
    if entry.kind == FEEDBACK:
        return Feedback(**fields | {"rating": Rating(fields["rating"])})
    messages = (Message(**message | {"role": Role(message["role"])}) for message in fields["messages"])
    return Appended(fields["conversation_id"], fields["user_id"], tuple(messages))


def names_user(entry: Entry, user_id: str) -> bool:
    """Whether what the entry asks to be written is of this user."""
    match write_of(entry):
        case Example() as example:
            return user_of(example.metadata_json) == user_id
        case Appended() as appended:
            return appended.user_id == user_id
        case Feedback() as feedback:
            return feedback.user_id == user_id


def _encode(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, ensure_ascii=False).encode()
