"""What the chat needs of the world.

Errors are `servicekit.errors`. What is wired into a pipeline answers also while the thing behind it is
away: each docstring says what it answers then. Every call takes its timeout from `servicekit.deadline`.
"""

from collections.abc import Sequence
from typing import Protocol

from gateway.chat.model import (
    CacheEntry,
    CacheKey,
    Declined,
    Durability,
    Findings,
    Making,
    Message,
    Recalled,
    Wish,
)


class Recall(Protocol):
    """Answers already worked out (knowledge-svc).

    While it is away every lookup is a miss without a lease, fills and releases do nothing, and the answer
    is marked degraded by "knowledge-svc": each question is answered uncached.
    """

    async def lookup(self, key: CacheKey, *, wait_seconds: float) -> Recalled:
        """Look one key up, with a lease for a missing or stale value if nobody else works on it.

        If somebody does, a missing value is waited for `wait_seconds` at the most; then it is a miss
        without a lease.
        """

    async def fill(self, key: CacheKey, entry: CacheEntry, *, lease: str) -> bool:
        """Store the value and end the lease; False if the lease was lost or the sources have changed."""

    async def release(self, key: CacheKey, *, lease: str) -> None:
        """Give the lease back without a value; one that is lost already is no error."""


class Bank(Protocol):
    """The bank of examples (dataset-svc).

    While all its replicas are away a search answers `Findings((), away=True)` and the answer is marked
    degraded by "dataset-svc"; it does not raise `Unavailable` or `DeadlineExceeded`.
    """

    async def search(self, text: str, domains: Sequence[str], *, limit: int) -> Findings:
        """The examples that fit `text` (1 to 16,384 characters), best first, `limit` at the most.

        No domains means all of them; an unknown domain finds nothing, and is no error here.
        """


class Memory(Protocol):
    """What people said (dataset-svc).

    While it is away the messages go to the gateway's own journal and the answer is JOURNALLED, marked
    degraded by "dataset-svc". If they can be stored in neither place it raises: a write never pretends.
    """

    async def remember(self, conversation_id: str, user_id: str, messages: Sequence[Message]) -> Durability:
        """Append the messages, oldest first; a message id that is there already is not stored again.

        Raises:
            NotFound: The conversation is another user's.
        """


class Makers(Protocol):
    """Those who make pictures and music (task-svc).

    While it is away, or has too much to do, they decline; the first is marked degraded by "task-svc".
    """

    async def begin(self, wish: Wish, user_id: str | None, request_id: str) -> Making | Declined:
        """Begin a task and return at once; the same request id begins it once.

        What cannot be made, such as ten hours of music, is declined with what is allowed.
        """
