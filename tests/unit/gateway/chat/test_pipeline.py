"""From a question to its answer, over ports in memory."""

import asyncio

import pytest

from gateway.chat.model import (
    Begun,
    ChatQuestion,
    Delta,
    Durability,
    Ended,
    Intent,
    Kind,
    Preferences,
    Role,
    Tier,
)
from gateway.chat.pipeline import ChatPipeline
from gateway.chat.safety import CARING_WORDS
from servicekit import deadline, degrade
from servicekit.errors import Internal, NotFound
from tests.support.chat_fakes import MemoryBank, MemoryMemory, MemoryRecall
from tests.support.waiting import eventually

TCP = "TCP delivers bytes in order. It resends what was lost."
QUESTION = ChatQuestion("What is TCP?")


async def test_a_known_question_is_quoted_with_its_sources(pipeline: ChatPipeline) -> None:
    answer = await pipeline.answer(QUESTION)
    assert (answer.kind, answer.text, answer.model) == (Kind.ANSWER, TCP, "extractive")
    assert (answer.sources[0].id, answer.sources[0].domain) == ("example-1", "networking")
    assert answer.sources[0].response == answer.text
    assert answer.confidence == answer.sources[0].confidence >= 0.6
    assert all(source.confidence >= 0.6 for source in answer.sources)
    assert answer.cache_tier is Tier.MISS
    assert answer.understanding.intent is Intent.QUESTION
    assert answer.elapsed_ms == pytest.approx(1.0)


async def test_the_same_question_otherwise_put_is_recalled(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    first = await pipeline.answer(QUESTION)
    second = await pipeline.answer(ChatQuestion("  Please, what is tcp?! "))
    assert (second.text, second.sources, second.kind) == (first.text, first.sources, first.kind)
    assert second.cache_tier is Tier.MEMORY
    assert not second.stale
    assert len(bank.searches) == 1
    (entry,) = recall.entries.values()
    assert entry.example_ids == tuple(source.id for source in first.sources)
    assert entry.sequence == bank.sequence
    assert entry.domains == ()


async def test_other_domains_are_another_answer(pipeline: ChatPipeline) -> None:
    await pipeline.answer(QUESTION)
    answer = await pipeline.answer(ChatQuestion("What is TCP?", domains=("music",)))
    assert (answer.kind, answer.cache_tier) == (Kind.UNKNOWN, Tier.MISS)


async def test_the_order_of_domains_does_not_matter(pipeline: ChatPipeline) -> None:
    await pipeline.answer(ChatQuestion("What is TCP?", domains=("music", "networking")))
    answer = await pipeline.answer(ChatQuestion("What is TCP?", domains=("networking", "music", "music")))
    assert answer.cache_tier is Tier.MEMORY


async def test_what_the_bank_does_not_know_is_said_and_not_cached(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    question = ChatQuestion("What is the airspeed of an unladen swallow?")
    answer = await pipeline.answer(question)
    assert answer.kind is Kind.UNKNOWN
    assert "don't know" in answer.text
    assert answer.sources == ()
    assert len(answer.suggestions) == 2
    assert set(answer.suggestions) <= {source.prompt for source in bank.sources}
    assert not recall.entries
    assert not recall.leases
    await pipeline.answer(question)
    assert len(bank.searches) == 2


async def test_an_empty_bank_has_no_suggestions(pipeline: ChatPipeline, bank: MemoryBank) -> None:
    bank.sources.clear()
    answer = await pipeline.answer(QUESTION)
    assert (answer.kind, answer.suggestions) == (Kind.UNKNOWN, ())


async def test_a_message_in_which_nothing_is_to_be_seen_is_unknown(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    assert (await pipeline.answer(ChatQuestion("\u200b"))).kind is Kind.UNKNOWN
    assert not bank.searches
    assert not recall.lookups


async def test_a_message_longer_than_a_key_is_answered_uncached(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    await pipeline.answer(ChatQuestion("\ufdfa" * 2_000))  # 18 characters each in its normal form
    assert not recall.lookups
    assert len(bank.searches[0][0]) == 16_384


async def test_a_greeting_is_answered_from_the_small_talk(pipeline: ChatPipeline) -> None:
    answer = await pipeline.answer(ChatQuestion("Hello!"))
    assert (answer.kind, answer.text) == (Kind.SMALL_TALK, "Hello! What would you like to know?")


@pytest.mark.parametrize(
    ("message", "domains", "searched"),
    [
        ("Hey there!", (), ("hello", ("small_talk",))),
        ("Good morning", (), ("good morning", ("small_talk",))),
        ("thank you so much", ("music",), ("thanks", ("music", "small_talk"))),
        ("bye", (), ("goodbye", ("small_talk",))),
    ],
)
async def test_courtesies_are_looked_for_by_their_plainest_word(
    pipeline: ChatPipeline,
    bank: MemoryBank,
    message: str,
    domains: tuple[str, ...],
    searched: tuple[str, tuple[str, ...]],
) -> None:
    await pipeline.answer(ChatQuestion(message, domains=domains))
    assert bank.searches[0] == searched


async def test_a_greeting_to_a_bank_without_small_talk_is_looked_for_everywhere(
    pipeline: ChatPipeline, bank: MemoryBank
) -> None:
    bank.sources.clear()
    bank.add("manners", "Hello", "Good day.")
    assert (await pipeline.answer(ChatQuestion("Hello!"))).text == "Good day."


async def test_a_crisis_gets_care_and_leaves_no_trace_in_the_cache(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    answer = await pipeline.answer(ChatQuestion("I want to kill myself"))
    assert (answer.kind, answer.text) == (Kind.SAFETY, CARING_WORDS)
    assert not bank.searches
    assert not recall.lookups


async def test_bullets_are_laid_out_after_recalling(pipeline: ChatPipeline) -> None:
    plain = await pipeline.answer(QUESTION)
    bullets = await pipeline.answer(
        ChatQuestion("What is TCP?", preferences=Preferences(neurodivergent_mode=True))
    )
    assert plain.text == TCP
    assert bullets.text == "- TCP delivers bytes in order.\n- It resends what was lost."
    assert bullets.cache_tier is Tier.MEMORY


async def test_one_caller_works_an_answer_out_and_the_others_get_it(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    bank.gate = asyncio.Event()
    asked = [asyncio.create_task(pipeline.answer(QUESTION)) for _ in range(20)]
    await eventually(lambda: len(recall.lookups) == 20)
    bank.gate.set()
    answers = await asyncio.gather(*asked)
    assert {answer.text for answer in answers} == {TCP}
    assert len(bank.searches) == 1
    assert not recall.leases


async def test_a_failure_is_not_cached_and_gives_the_lease_back(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    bank.error = Internal("broken")
    with pytest.raises(Internal):
        await pipeline.answer(QUESTION)
    assert not recall.leases
    assert not recall.entries
    bank.error = None
    assert (await pipeline.answer(QUESTION)).kind is Kind.ANSWER


async def test_a_caller_who_leaves_gives_the_lease_back(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    bank.gate = asyncio.Event()
    asked = asyncio.create_task(pipeline.answer(QUESTION))
    await eventually(lambda: bank.searches)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert not recall.leases


async def test_while_the_bank_is_away_known_questions_are_answered_and_others_honestly_not(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    await pipeline.answer(QUESTION)
    bank.away = True
    assert (await pipeline.answer(QUESTION)).text == TCP
    unknown = await pipeline.answer(ChatQuestion("What is UDP?"))
    assert (unknown.kind, unknown.sources, unknown.suggestions) == (Kind.BANK_AWAY, (), ())
    assert len(recall.entries) == 1
    assert not recall.leases


async def test_a_stale_answer_is_renewed_by_the_one_who_gets_the_lease(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    await pipeline.answer(QUESTION)
    recall.stale.update(recall.entries)
    answer = await pipeline.answer(QUESTION)
    assert (answer.cache_tier, answer.stale) == (Tier.MISS, False)
    assert len(bank.searches) == 2
    assert not recall.stale


async def test_a_stale_answer_that_somebody_renews_is_given_at_once(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    await pipeline.answer(QUESTION)
    (key,) = recall.entries
    recall.stale.add(key)
    recall.leases[key] = "somebody's"
    answer = await pipeline.answer(QUESTION)
    assert (answer.text, answer.stale) == (TCP, True)
    assert len(bank.searches) == 1


async def test_a_stale_answer_serves_while_the_bank_is_away(
    pipeline: ChatPipeline, bank: MemoryBank, recall: MemoryRecall
) -> None:
    await pipeline.answer(QUESTION)
    recall.stale.update(recall.entries)
    bank.away = True
    answer = await pipeline.answer(QUESTION)
    assert (answer.text, answer.stale, answer.kind) == (TCP, True, Kind.ANSWER)
    assert not recall.leases


async def test_what_was_said_is_remembered(pipeline: ChatPipeline, memory: MemoryMemory) -> None:
    answer = await pipeline.answer(ChatQuestion("What is TCP? I'm curious!", user_id="ada"))
    assert answer.durability is Durability.COMMITTED
    assert answer.conversation_id is not None
    owner, messages = memory.conversations[answer.conversation_id]
    assert owner == "ada"
    assert [(each.role, each.content) for each in messages] == [
        (Role.USER, "What is TCP? I'm curious!"),
        (Role.ASSISTANT, answer.text),
    ]
    assert messages[0].metadata["emotion"] == "curiosity"
    assert messages[1].metadata["sources"] == [source.id for source in answer.sources]
    assert messages[0].id < messages[1].id


async def test_a_conversation_goes_on_under_its_id(pipeline: ChatPipeline, memory: MemoryMemory) -> None:
    memory.durability = Durability.JOURNALLED
    for _ in range(2):
        answer = await pipeline.answer(ChatQuestion("Hello", user_id="ada", conversation_id="talk"))
        assert (answer.conversation_id, answer.durability) == ("talk", Durability.JOURNALLED)
    assert len(memory.conversations["talk"][1]) == 4


async def test_nobody_in_particular_is_not_remembered(pipeline: ChatPipeline, memory: MemoryMemory) -> None:
    answer = await pipeline.answer(ChatQuestion("What is TCP?", conversation_id="talk"))
    assert (answer.conversation_id, answer.durability) == (None, None)
    assert not memory.conversations


async def test_another_users_conversation_is_refused(pipeline: ChatPipeline) -> None:
    await pipeline.answer(ChatQuestion("Hello", user_id="ada", conversation_id="talk"))
    with pytest.raises(NotFound):
        await pipeline.answer(ChatQuestion("Hello", user_id="eve", conversation_id="talk"))


async def test_what_the_ports_had_to_do_without_is_in_the_answer(
    pipeline: ChatPipeline, bank: MemoryBank
) -> None:
    bank.degraded = ("postgres",)
    with degrade.collecting() as request:
        answer = await pipeline.answer(QUESTION)
    assert answer.degraded == {"postgres"}
    assert request == {"postgres"}


async def test_the_work_gets_the_shorter_of_both_budgets(pipeline: ChatPipeline, bank: MemoryBank) -> None:
    await pipeline.answer(QUESTION)
    with deadline.limit(1.0):
        await pipeline.answer(ChatQuestion("What is UDP?"))
    policys, callers = bank.budgets
    assert policys is not None
    assert callers is not None
    assert 1.0 < policys <= 5.0
    assert callers <= 1.0


async def test_a_stream_is_the_same_answer_in_sentences(pipeline: ChatPipeline, memory: MemoryMemory) -> None:
    events = [event async for event in pipeline.answer_events(ChatQuestion("What is TCP?", user_id="ada"))]
    begun, *deltas, ended = events
    assert isinstance(begun, Begun)
    assert isinstance(ended, Ended)
    assert [delta.text for delta in deltas if isinstance(delta, Delta)] == [
        "TCP delivers bytes in order. ",
        "It resends what was lost.",
    ]
    assert ended.answer.text == TCP
    assert ended.answer.durability is Durability.COMMITTED
    assert begun.answer.sources == ended.answer.sources
    assert len(memory.conversations) == 1
