"""Journalled changes that meet others: what is written down of them, and which of two is kept.

The rule is the time of the change: of an edit or deletion that waited in a journal and one that the store has
had meanwhile, the later one is kept, and of two at the same time the store's. Whatever is given up is written
down in full. The two have met when the store does not hold the state that the journalled change was made on.
"""

import json
from dataclasses import asdict, dataclass

from dataset_svc.forgetting import user_of
from dataset_svc.model import Example, Feedback, Message


@dataclass(frozen=True, slots=True)
class Edit:
    """A journalled change of an example: its whole new state, and what it was made on.

    `base_time` is the update_time of the state before, `base_user` the user whom that named.
    """

    example: Example
    base_time: float
    base_user: str | None

    @property
    def time(self) -> float:
        """When it was made (UTC seconds)."""
        return self.example.update_time

    @property
    def users(self) -> tuple[str, ...]:
        """The users whom the state before it or after it names."""
        return _named(self.base_user, user_of(self.example.metadata_json))


@dataclass(frozen=True, slots=True)
class Deletion:
    """A journalled deletion of an example; `base_time` is the update_time of what was deleted."""

    example_id: str
    domain: str
    base_time: float
    time: float


@dataclass(frozen=True, slots=True)
class Appended:
    """The arguments of one append_messages."""

    conversation_id: str
    user_id: str
    messages: tuple[Message, ...]


Write = Example | Edit | Deletion | Appended | Feedback
"""What a journal may hold."""


@dataclass(frozen=True, slots=True)
class Lost:
    """What is given up: an example as JSON or "null" for a removal, its time, and whom it names."""

    content_json: str
    time: float
    users: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the journalled change is kept, and what is given up if it met another."""

    kept: bool
    lost: Lost | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """A journalled change that met another, as it was written down; see Conflict in the contract."""

    sequence: int
    example_id: str
    domain: str
    journalled_kept: bool
    lost_json: str
    lost_time: float
    create_time: float


def judged_edit(edit: Edit, current: Example | None, removed_at: float | None) -> Verdict:
    """Which is kept of an edit and the store's example, or its removal if that is known (UTC seconds)."""
    if current is None:
        if removed_at is None:
            # It never was in the store: an edit of an example whose own journalled creation had an equal.
            return Verdict(kept=True)
        if edit.time > removed_at:
            return Verdict(kept=True, lost=Lost("null", removed_at))
        return Verdict(kept=False, lost=lost_edit(edit))
    if current.update_time == edit.base_time or same_state(current, edit.example):
        return Verdict(kept=True)
    if edit.time > current.update_time:
        return Verdict(kept=True, lost=_lost_example(current))
    return Verdict(kept=False, lost=lost_edit(edit))


def judged_deletion(deletion: Deletion, current: Example) -> Verdict:
    """Which is kept of a deletion and the example in the store."""
    if current.update_time == deletion.base_time:
        return Verdict(kept=True)
    if deletion.time > current.update_time:
        return Verdict(kept=True, lost=_lost_example(current))
    return Verdict(kept=False, lost=Lost("null", deletion.time))


def lost_edit(edit: Edit) -> Lost:
    """The edit as what is given up."""
    return Lost(_as_json(edit.example), edit.time, edit.users)


def same_state(one: Example, other: Example) -> bool:
    """Whether both are the same state of an example, whatever their dataset's analyser."""
    return _as_json(one) == _as_json(other)


def _lost_example(example: Example) -> Lost:
    return Lost(_as_json(example), example.update_time, _named(user_of(example.metadata_json)))


def _as_json(example: Example) -> str:
    fields = asdict(example)
    del fields["analyser"]
    fields["metadata"] = json.loads(fields.pop("metadata_json"))
    return json.dumps(fields, ensure_ascii=False)


def _named(*users: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(user for user in users if user is not None))
