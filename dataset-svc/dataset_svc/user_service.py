"""What is kept of a user: all of it as records, and its deletion."""

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any

from dataset_svc.conflicts import Conflict
from dataset_svc.conversation_service import BEFORE_ALL
from dataset_svc.follower import Follower
from dataset_svc.model import Conversation, Example, Feedback, Message, UserCounts
from dataset_svc.ports import Conflicts, Conversations, Users
from dataset_svc.rules import checked_identifier

ROWS_A_READ = 200


class UserService:
    """The use-cases of ExportUser and DeleteUser."""

    def __init__(
        self,
        users: Users,
        conversations: Conversations,
        conflicts: Conflicts,
        follower: Follower,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._users = users
        self._conversations = conversations
        self._conflicts = conflicts
        self._follower = follower
        self._clock = clock

    async def export(self, user_id: str) -> AsyncIterator[str]:
        """All that is kept of the user, a JSON object at a time; see ExportUserResponse for their types."""
        checked_identifier("user_id", user_id)
        async for conversation in self._conversations_of(user_id):
            yield _record("conversation", conversation)
            async for message in self._messages_of(conversation):
                yield _record("message", message, conversation_id=conversation.id)
        async for feedback in self._feedback_of(user_id):
            yield _record("feedback", feedback)
        async for example in self._examples_of(user_id):
            yield _record("example", example)
        async for conflict in self._conflicts_of(user_id):
            yield _record("conflict", conflict)

    async def delete(self, user_id: str) -> UserCounts:
        """Delete it, and have what waits in a journal from before now dropped; counts what was there."""
        counts = await self._users.forget(checked_identifier("user_id", user_id), self._clock())
        # Not only of examples that were counted: what waited in the journal is taken out of the index too.
        await self._follower.catch_up()
        return counts

    async def _conversations_of(self, user_id: str) -> AsyncIterator[Conversation]:
        before = None
        while rows := await self._conversations.list_conversations(user_id, before, ROWS_A_READ):
            for row in rows:
                yield row
            before = rows[-1].update_time, rows[-1].id

    async def _messages_of(self, conversation: Conversation) -> AsyncIterator[Message]:
        names, after = (conversation.id, conversation.user_id), BEFORE_ALL
        while rows := await self._conversations.list_messages(*names, after, ROWS_A_READ):
            for row in rows:
                yield row
            after = rows[-1].create_time, rows[-1].id

    async def _feedback_of(self, user_id: str) -> AsyncIterator[Feedback]:
        after = BEFORE_ALL
        while rows := await self._users.feedback(user_id, after, ROWS_A_READ):
            for row in rows:
                yield row
            after = rows[-1].create_time, rows[-1].id

    async def _examples_of(self, user_id: str) -> AsyncIterator[Example]:
        after = ""
        while True:
            rows, after = await self._users.examples(user_id, after, ROWS_A_READ)
            for row in rows:
                yield row
            if not after:
                return

    async def _conflicts_of(self, user_id: str) -> AsyncIterator[Conflict]:
        after = 0
        while rows := await self._conflicts.list(after, ROWS_A_READ, user_id):
            for row in rows:
                yield row
            after = rows[-1].sequence


def _record(kind: str, kept: Conversation | Message | Feedback | Example | Conflict, **more: Any) -> str:
    fields = asdict(kept)
    fields.pop("analyser", None)
    if "metadata_json" in fields:
        fields["metadata"] = json.loads(fields.pop("metadata_json"))
    if "lost_json" in fields:
        fields["lost"] = json.loads(fields.pop("lost_json"))
    for name in ("role", "rating"):
        if name in fields:
            fields[name] = fields[name].value
    return json.dumps({"type": kind} | more | fields, ensure_ascii=False)
