"""What asks for something to be made, and what only looks like it; and what the chat makes of it."""

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.model import ChatQuestion, Craft, Declined, Intent, Kind
from gateway.chat.pipeline import ChatPipeline
from gateway.chat.understand import understand
from gateway.chat.wish import read_wish
from tests.support.chat_fakes import MemoryBank, MemoryMakers, MemoryMemory


@pytest.mark.parametrize(
    ("message", "craft", "parameters"),
    [
        ("draw me a calm ocean", Craft.ART, {"prompt": "calm ocean"}),
        ("Draw me a Calm Ocean, please!", Craft.ART, {"prompt": "Calm Ocean"}),
        ("Could you please paint me a mandala?", Craft.ART, {"prompt": "mandala"}),
        ("Draw me a picture of a cat", Craft.ART, {"prompt": "a cat"}),
        ("make an image of a galaxy", Craft.ART, {"prompt": "a galaxy"}),
        ("give me a fractal wallpaper", Craft.ART, {"prompt": "fractal wallpaper"}),
        (
            "play something sad for 30 seconds",
            Craft.MUSIC,
            {"prompt": "something sad", "duration_seconds": 30},
        ),
        (
            "play 30 seconds of something sad",
            Craft.MUSIC,
            {"prompt": "something sad", "duration_seconds": 30},
        ),
        ("Make a 30-second sad song.", Craft.MUSIC, {"prompt": "sad song", "duration_seconds": 30}),
        ("write me a song about the sea", Craft.MUSIC, {"prompt": "song about the sea"}),
        ("compose two minutes of music", Craft.MUSIC, {"prompt": "music", "duration_seconds": 120}),
        ("Play some jazz", Craft.MUSIC, {"prompt": "jazz"}),
        ("show me 528 Hz", Craft.CYMATIC, {"frequency_hz": 528}),
        ("Could you show me 528hz?", Craft.CYMATIC, {"frequency_hz": 528}),
        ("show me what 1,000 hertz looks like", Craft.CYMATIC, {"frequency_hz": 1000}),
        ("What does 2.5 kHz look like?", Craft.CYMATIC, {"frequency_hz": 2500}),
        ("generate a cymatic at 432 Hz", Craft.CYMATIC, {"frequency_hz": 432}),
        ("Can you draw a cymatic pattern?", Craft.CYMATIC, {}),
        (
            "draw a cymatic pattern for a sad feeling",
            Craft.ART,
            {"prompt": "cymatic pattern for a sad feeling"},
        ),
        ("draw a cymatic pattern of sadness", Craft.CYMATIC, {"emotion": "sadness"}),
        ("show me the Chladni figure of harmony", Craft.CYMATIC, {"emotion": "harmony"}),
    ],
)
def test_a_wish_is_read_with_what_it_asks_for(message: str, craft: Craft, parameters: dict[str, Any]) -> None:
    wish = read_wish(message)

    assert wish is not None
    assert (wish.craft, dict(wish.parameters)) == (craft, parameters)
    intent = Intent.MUSIC if craft is Craft.MUSIC else Intent.PICTURE
    assert understand(message).intent is intent


@pytest.mark.parametrize(
    "message",
    [
        "",
        "draw",
        "can you draw?",
        "draw a conclusion from this",
        "draw up a contract",
        "Draw a diagram of TCP",
        "Show me how to draw",
        "How do I draw a cat?",
        "create a docker image of my app",
        "generate a boot image",
        "What is a picture frame?",
        "play chess",
        "play a game of music trivia",
        "create a track record",
        "How do I compose music?",
        "what is 528 Hz?",
        "show me the wavelength of 528 Hz",
        "show me the way",
        "draw me a " + "very " * 60 + "calm ocean",
    ],
)
def test_what_only_looks_like_a_wish_is_a_question_to_the_bank(message: str) -> None:
    assert read_wish(message) is None


@given(st.text(max_size=400))
def test_reading_never_fails(message: str) -> None:
    read_wish(message)


@pytest.mark.parametrize(
    "words", ["please ", "a ", "make a ", "something ", "1,000", "play me a song for ", "the "]
)
def test_reading_costs_little_for_any_message(words: str) -> None:
    message = ("draw me " + words * 300)[:299]
    began = time.process_time()
    for _ in range(20):
        read_wish(message)
    assert time.process_time() - began < 1


async def test_the_chat_answers_with_the_task(
    pipeline: ChatPipeline, makers: MemoryMakers, memory: MemoryMemory
) -> None:
    answer = await pipeline.answer(ChatQuestion("Play something sad for 30 seconds", user_id="ada"))

    ((owner, making),) = makers.begun.values()
    assert (owner, making.craft) == ("ada", Craft.MUSIC)
    assert answer.making == making
    assert (answer.kind, answer.sources, answer.suggestions) == (Kind.TASK, (), ())
    assert making.poll_url in answer.text
    assert "30 seconds of music" in answer.text
    _, messages = memory.conversations[str(answer.conversation_id)]
    assert messages[1].metadata["task"] == making.id


async def test_each_wish_is_made_anew(pipeline: ChatPipeline, makers: MemoryMakers) -> None:
    for _ in range(2):
        await pipeline.answer(ChatQuestion("draw me a calm ocean"))

    assert len(makers.begun) == 2


async def test_the_owners_own_answer_to_these_words_comes_first(
    pipeline: ChatPipeline, bank: MemoryBank, makers: MemoryMakers
) -> None:
    bank.add("art", "Draw me a calm ocean", "A brush, blue ink, and patience.")

    answer = await pipeline.answer(ChatQuestion("draw me a calm ocean"))

    assert (answer.kind, answer.text) == (Kind.ANSWER, "A brush, blue ink, and patience.")
    assert not makers.begun


async def test_where_only_domains_may_speak_nothing_is_made(
    pipeline: ChatPipeline, makers: MemoryMakers
) -> None:
    answer = await pipeline.answer(ChatQuestion("draw me a calm ocean", domains=("music",)))

    assert answer.kind is Kind.UNKNOWN
    assert not makers.begun


async def test_a_declined_wish_says_why(pipeline: ChatPipeline, makers: MemoryMakers) -> None:
    makers.declined = Declined("Too much to do.")

    answer = await pipeline.answer(ChatQuestion("draw me a calm ocean"))

    assert (answer.kind, answer.text, answer.making) == (Kind.DECLINED, "Too much to do.", None)
