"""Messages that lean on what was said before: how they are searched, and for whom they are cached."""

import pytest

from gateway.chat.model import SHARED_SCOPE, ChatQuestion, Role, Tier, Turn
from gateway.chat.normalise import normalise
from gateway.chat.pipeline import ChatPipeline
from gateway.chat.retrieve import leans_back
from tests.support.chat_fakes import MemoryBank, MemoryRecall

HISTORY = (
    Turn(Role.USER, "Why do minor chords sound sad?"),
    Turn(Role.ASSISTANT, "Habit and culture have much to do with it."),
)


@pytest.mark.parametrize(
    "message",
    [
        "And why?",
        "why",
        "What about UDP?",
        "How about in Python?",
        "Is it safe?",
        "tell me more",
        "Explain that",
        "And in Python?",
        "But how?",
        "What does that mean?",
    ],
)
def test_some_messages_lean_back(message: str) -> None:
    assert leans_back(normalise(message))


@pytest.mark.parametrize(
    "message",
    [
        "Why is the sky blue?",
        "What is TCP?",
        "Explain recursion",
        "So what is a monad?",
        "I see this KeyError today",
        "How do I install this on a machine without root?",
    ],
)
def test_others_stand_by_themselves(message: str) -> None:
    assert not leans_back(normalise(message))


async def test_a_follow_up_is_searched_with_the_question_before_it(
    pipeline: ChatPipeline, bank: MemoryBank
) -> None:
    answer = await pipeline.answer(ChatQuestion("And why?", HISTORY))
    assert bank.searches == [("why do minor chords sound sad and why", ())]
    assert answer.text == "Habit and culture have much to do with it."


async def test_a_chain_of_follow_ups_leads_back_to_the_question(
    pipeline: ChatPipeline, bank: MemoryBank
) -> None:
    said = (*HISTORY, Turn(Role.USER, "and why?"), Turn(Role.ASSISTANT, "Habit."), Turn(Role.USER, "Is it?"))
    await pipeline.answer(ChatQuestion("Is it?", said))
    assert bank.searches[0][0] == "why do minor chords sound sad is it"


async def test_without_a_history_it_is_searched_as_it_stands(
    pipeline: ChatPipeline, bank: MemoryBank
) -> None:
    await pipeline.answer(ChatQuestion("And why?"))
    assert bank.searches == [("and why", ())]


async def test_a_history_that_changes_nothing_keeps_the_answer_shared(
    pipeline: ChatPipeline, recall: MemoryRecall
) -> None:
    await pipeline.answer(ChatQuestion("What is TCP?"))
    answer = await pipeline.answer(ChatQuestion("What is TCP?", HISTORY, user_id="ada"))
    assert answer.cache_tier is Tier.MEMORY
    assert {key.scope for key in recall.entries} == {SHARED_SCOPE}


async def test_an_answer_out_of_a_history_is_cached_for_its_user_alone(
    pipeline: ChatPipeline, recall: MemoryRecall
) -> None:
    follow_up = ChatQuestion("And why?", HISTORY, user_id="ada")
    await pipeline.answer(follow_up)
    assert (await pipeline.answer(follow_up)).cache_tier is Tier.MEMORY
    other = await pipeline.answer(ChatQuestion("And why?", HISTORY, user_id="eve"))
    assert other.cache_tier is Tier.MISS
    assert {key.scope for key in recall.entries} == {"user:ada", "user:eve"}


async def test_an_answer_out_of_nobodys_history_is_not_cached(
    pipeline: ChatPipeline, recall: MemoryRecall
) -> None:
    await pipeline.answer(ChatQuestion("And why?", HISTORY))
    assert not recall.lookups
    assert not recall.entries
