"""What every implementation of the chat's ports must do: subclass a suite and give it the port to test.

The subclass defines the fixture that the suite names, in memory or over real services.
"""

import asyncio
from typing import Any

import pytest

from gateway.chat.model import (
    CacheEntry,
    CacheKey,
    Craft,
    Declined,
    Durability,
    Making,
    Message,
    Role,
    Tier,
    Wish,
)
from gateway.chat.ports import Bank, Makers, Memory, Recall
from servicekit.errors import NotFound

KEY = CacheKey("what is tcp", "shared", ("networking",), ("format=1",), "extractive")
OTHER_KEY = CacheKey("what is tcp", "user:ada", ("networking",), ("format=1",), "extractive")
ENTRY = CacheEntry(b'{"text": "a protocol"}', ("example-1",), ("networking",), 1)


def message(message_id: str, role: Role = Role.USER) -> Message:
    """Returns a message to remember."""
    return Message(message_id, role, f"content of {message_id}", {"emotion": "joy"}, 1_700_000_000.0)


class RecallSuite:
    """Fixture `recall`: an empty Recall."""

    async def test_a_missing_value_comes_with_one_lease(self, recall: Recall) -> None:
        first = await recall.lookup(KEY, wait_seconds=0)
        second = await recall.lookup(KEY, wait_seconds=0)
        assert (first.value, first.tier, first.stale) == (None, Tier.MISS, False)
        assert first.lease
        assert (second.value, second.lease) == (None, None)

    async def test_what_was_filled_is_recalled(self, recall: Recall) -> None:
        lease = (await recall.lookup(KEY, wait_seconds=0)).lease
        assert lease
        assert await recall.fill(KEY, ENTRY, lease=lease)
        recalled = await recall.lookup(KEY, wait_seconds=0)
        assert recalled.value == ENTRY.value
        assert recalled.tier is not Tier.MISS
        assert recalled.lease is None

    async def test_a_released_lease_can_be_had_again(self, recall: Recall) -> None:
        first = (await recall.lookup(KEY, wait_seconds=0)).lease
        assert first
        await recall.release(KEY, lease=first)
        await recall.release(KEY, lease=first)
        again = (await recall.lookup(KEY, wait_seconds=0)).lease
        assert again
        assert not await recall.fill(KEY, ENTRY, lease=first)

    async def test_another_scope_is_another_value(self, recall: Recall) -> None:
        lease = (await recall.lookup(KEY, wait_seconds=0)).lease
        assert lease
        await recall.fill(KEY, ENTRY, lease=lease)
        assert (await recall.lookup(OTHER_KEY, wait_seconds=0)).value is None

    async def test_a_value_that_somebody_works_on_is_waited_for(self, recall: Recall) -> None:
        lease = (await recall.lookup(KEY, wait_seconds=0)).lease
        assert lease
        waiting = asyncio.ensure_future(recall.lookup(KEY, wait_seconds=5))
        await recall.fill(KEY, ENTRY, lease=lease)
        assert (await waiting).value == ENTRY.value


class BankSuite:
    """Fixture `bank`: a Bank with examples of "networking" (one asks "What is TCP?") and of "music"."""

    async def test_the_best_comes_first(self, bank: Bank) -> None:
        findings = await bank.search("what is tcp", (), limit=3)
        assert findings.sources[0].prompt == "What is TCP?"
        assert not findings.away
        assert findings.sequence >= 0
        assert len(findings.sources) <= 3
        confidences = [source.confidence for source in findings.sources]
        assert all(0 <= confidence <= 1 for confidence in confidences)

    async def test_only_the_named_domains_are_searched(self, bank: Bank) -> None:
        findings = await bank.search("what is tcp", ("music",), limit=10)
        assert {source.domain for source in findings.sources} <= {"music"}

    async def test_an_unknown_domain_finds_nothing(self, bank: Bank) -> None:
        assert (await bank.search("what is tcp", ("nowhere",), limit=10)).sources == ()


class MemorySuite:
    """Fixtures `memory`: an empty Memory, and `remembered`: returns the ids kept in a conversation."""

    async def test_messages_are_kept_once_and_in_order(self, memory: Memory, remembered: Any) -> None:
        messages = (message("1"), message("2", Role.ASSISTANT))
        assert await memory.remember("talk", "ada", messages) is Durability.COMMITTED
        await memory.remember("talk", "ada", (*messages, message("3")))
        assert await remembered("talk", "ada") == ["1", "2", "3"]

    async def test_another_users_conversation_is_not_found(self, memory: Memory) -> None:
        await memory.remember("talk", "ada", (message("1"),))
        with pytest.raises(NotFound):
            await memory.remember("talk", "eve", (message("2"),))


class MakersSuite:
    """Fixture `makers`: Makers that have nothing to do yet."""

    @pytest.mark.parametrize(
        ("wish", "known"),
        [
            (Wish(Craft.ART, {"prompt": "calm ocean"}), {"style", "palette"}),
            (Wish(Craft.MUSIC, {"duration_seconds": 5}), {"mood", "tempo_bpm", "duration_seconds"}),
            (Wish(Craft.CYMATIC, {"frequency_hz": 528}), {"plate", "frequency_hz"}),
        ],
    )
    async def test_a_task_is_begun_with_all_its_parameters(
        self, makers: Makers, wish: Wish, known: set[str]
    ) -> None:
        making = await makers.begin(wish, "ada", "request-1")
        assert isinstance(making, Making)
        assert making.craft is wish.craft
        assert known | wish.parameters.keys() <= making.parameters.keys()
        assert making.poll_url.endswith(making.id)
        assert making.durability is Durability.COMMITTED

    async def test_the_same_request_begins_one_task(self, makers: Makers) -> None:
        first, second, other = [
            await makers.begin(Wish(Craft.CYMATIC, {}), None, request_id)
            for request_id in ("request-1", "request-1", "request-2")
        ]
        assert isinstance(first, Making)
        assert isinstance(other, Making)
        assert second == first
        assert other.id != first.id

    async def test_what_cannot_be_made_is_declined(self, makers: Makers) -> None:
        declined = await makers.begin(Wish(Craft.MUSIC, {"duration_seconds": 36_000}), None, "request-1")
        assert isinstance(declined, Declined)
        assert "duration_seconds" in declined.reason
