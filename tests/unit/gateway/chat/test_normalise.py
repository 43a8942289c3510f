"""The normal form: what is the same question, and what is not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chat.normalise import normalise


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("What is TCP?", "what is tcp"),
        ("  what \t is\n tcp ", "what is tcp"),
        ("what is TCP?!?", "what is tcp"),
        ("what is, TCP.", "what is tcp"),
        ("\uff37\uff48\uff41\uff54 is \uff34\uff23\uff30\uff1f", "what is tcp"),
        ("Please, what is TCP?", "what is tcp"),
        ("Please, could you tell me what is TCP?", "what is tcp"),
        ("Can you please tell me: what is TCP", "what is tcp"),
        ("I would like to know what is TCP", "what is tcp"),
        ("I'd like to know what is TCP, please. Thanks in advance!", "what is tcp"),
        ("Hi! What is TCP?", "what is tcp"),
        ("Hello there, what is TCP? Thank you!", "what is tcp"),
        ("Do you know what TCP is?", "what tcp is"),
        ("tell me how TCP works", "how tcp works"),
        ("Could you explain recursion?", "explain recursion"),
        ("What does \u2018yield\u2019 do?", "what does yield do"),
        ("I don\u2019t know", "i don't know"),
        ("range 1\u20132", "range 1-2"),
        ("what\u200b is\ufeff tcp", "what is tcp"),
        ("STRASSE straße", "strasse strasse"),
    ],
)
def test_one_form_for_all_ways_to_put_it(message: str, normal: str) -> None:
    assert normalise(message) == normal


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("C++ or C#?", "c++ or c#"),
        ("What is .NET?", "what is .net"),
        ("node.js 3.14", "node.js 3.14"),
        ("is 3 > -2?", "is 3 > -2"),
        ("I'm not happy", "i'm not happy"),
        ("tell me about TCP", "tell me about tcp"),
        ("hey jude lyrics", "hey jude lyrics"),
        ("can you swim?", "can you swim"),
        ("do you know me?", "do you know me"),
        ("x = a[0]", "x = a[0]"),
    ],
)
def test_what_carries_meaning_stays(message: str, normal: str) -> None:
    assert normalise(message) == normal


@pytest.mark.parametrize("message", ["???", "please", "thank you", "ok thanks", "Hello!", "👋"])
def test_a_message_of_courtesies_is_not_emptied(message: str) -> None:
    assert normalise(message)


@settings(deadline=None)
@given(st.text())
def test_it_is_idempotent_for_any_text(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


_PHRASES = st.sampled_from(
    [
        "please",
        "Hi,",
        "hello!",
        "could you tell me",
        "what",
        "thanks",
        "...",
        "?",
        "'",
        '"',
        "c++",
        "I'd like to know",
    ]
)


@settings(deadline=None)
@given(st.lists(_PHRASES, max_size=12))
def test_it_is_idempotent_for_heaped_courtesies(phrases: list[str]) -> None:
    once = normalise(" ".join(phrases))
    assert normalise(once) == once


@settings(deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.strip("\u200b\ufeff \t\r\n").isprintable()))
def test_only_what_cannot_be_seen_becomes_nothing(text: str) -> None:
    assert bool(normalise(text)) == bool(text.strip("\u200b\ufeff \t\r\n"))
