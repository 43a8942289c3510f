"""A pipeline over fakes, with a clock and ids that tests know."""

import itertools
from collections.abc import Callable

import pytest

from gateway.chat.model import Policy
from gateway.chat.pipeline import ChatPipeline
from tests.support.chat_fakes import MemoryBank, MemoryMakers, MemoryMemory, MemoryRecall

TCP = "TCP delivers bytes in order. It resends what was lost."


@pytest.fixture
def recall() -> MemoryRecall:
    return MemoryRecall()


@pytest.fixture
def bank() -> MemoryBank:
    bank = MemoryBank()
    bank.add("networking", "What is TCP?", TCP)
    bank.add("networking", "What is UDP?", "UDP sends and forgets.")
    bank.add("networking", "What is TCP slow start?", "TCP begins with few segments in flight.")
    bank.add("music", "Why do minor chords sound sad?", "Habit and culture have much to do with it.")
    bank.add("small_talk", "Hello", "Hello! What would you like to know?")
    return bank


@pytest.fixture
def memory() -> MemoryMemory:
    return MemoryMemory()


@pytest.fixture
def makers() -> MemoryMakers:
    return MemoryMakers()


@pytest.fixture
def ids() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"id-{next(numbers):04}"


@pytest.fixture
def pipeline(
    recall: MemoryRecall,
    bank: MemoryBank,
    memory: MemoryMemory,
    makers: MemoryMakers,
    ids: Callable[[], str],
) -> ChatPipeline:
    ticks = itertools.count()
    return ChatPipeline(
        recall,
        bank,
        memory,
        makers,
        clock=lambda: next(ticks) / 1000,
        now=lambda: 1_700_000_000.0,
        ids=ids,
        policy=Policy(min_confidence=0.6, max_suggestions=2),
    )
