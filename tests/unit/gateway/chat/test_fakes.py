"""The fakes keep the promises of the ports that they stand for."""

from collections.abc import Awaitable, Callable

import pytest

from tests.support.chat_fakes import MemoryBank, MemoryMakers, MemoryMemory, MemoryRecall
from tests.support.chat_port_suite import BankSuite, MakersSuite, MemorySuite, RecallSuite


class TestMemoryRecall(RecallSuite):
    @pytest.fixture
    def recall(self) -> MemoryRecall:
        return MemoryRecall()


class TestMemoryBank(BankSuite):
    @pytest.fixture
    def bank(self) -> MemoryBank:
        bank = MemoryBank()
        bank.add("music", "What is a chord?", "Notes that sound together.")
        bank.add("networking", "What is UDP?", "A protocol that sends and forgets.")
        bank.add("networking", "What is TCP?", "A protocol that delivers in order.")
        return bank


class TestMemoryMemory(MemorySuite):
    @pytest.fixture
    def memory(self) -> MemoryMemory:
        return MemoryMemory()

    @pytest.fixture
    def remembered(self, memory: MemoryMemory) -> Callable[[str, str], Awaitable[list[str]]]:
        async def ids(conversation_id: str, user_id: str) -> list[str]:
            owner, messages = memory.conversations[conversation_id]
            assert owner == user_id
            return [message.id for message in messages]

        return ids


class TestMemoryMakers(MakersSuite):
    @pytest.fixture
    def makers(self) -> MemoryMakers:
        return MemoryMakers()
