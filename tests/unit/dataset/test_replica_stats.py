"""The measure of a replica, taken while a replay ends."""

from dataclasses import dataclass
from typing import Any, cast

import pytest

from dataset_svc.feed_service import FeedService
from dataset_svc.model import StoreCounts


@dataclass
class ReplayingReplica:
    """One whose last journalled write reaches the store, and leaves the journal, after so many questions."""

    questions_before: int
    journalled: int = 1
    head: int = 1
    sequence: int = 1
    documents: int = 0

    def _asked(self) -> None:
        self.questions_before -= 1
        if self.questions_before == 0:
            self.journalled, self.head = 0, 2

    async def head_sequence(self) -> int:
        head = self.head
        self._asked()
        return head

    async def count_journalled(self) -> int:
        journalled = self.journalled
        self._asked()
        return journalled

    async def counts(self) -> StoreCounts:
        self._asked()
        return StoreCounts(0, 0, 0, 0, 0, 0)

    async def size_bytes(self) -> int:
        self._asked()
        return 0


@pytest.mark.parametrize("questions", range(1, 5))
async def test_nothing_is_told_to_be_settled_that_the_index_has_not_followed(questions: int) -> None:
    replica = ReplayingReplica(questions)
    parts = cast("Any", replica)
    service = FeedService(
        parts, parts, parts, store="postgres", journalled=replica.count_journalled, clock=lambda: 0.0
    )

    stats = await service.stats()

    # The write that was replayed is in the feed, and this index has not followed so far.
    assert stats.journalled > 0 or stats.head_sequence > stats.index_sequence
