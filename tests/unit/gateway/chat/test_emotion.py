"""The feeling of a message: whole words, negation, strength."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chat.emotion import read_feeling
from gateway.chat.lexicon import CHARACTERS, FEELING_OF


@pytest.mark.parametrize(
    ("message", "emotion"),
    [
        ("I am so angry", "anger"),
        ("I'm stressed about the exam", "stress"),
        ("I feel lonely", "loneliness"),
        ("What a joy", "joy"),
        ("This is confusing", "confusion"),
        ("I can't stop crying", "sadness"),
        ("I was happy, now I am sad", "sadness"),
        ("It's not that bad, I'm excited!", "excitement"),
        ("I am not sad but angry", "anger"),
        ("so happy ❤ I love it", "love"),
    ],
)
def test_the_feeling_is_named(message: str, emotion: str) -> None:
    assert read_feeling(message).emotion == emotion


@pytest.mark.parametrize(
    "message",
    [
        "I made a cake",  # the old detector: anger, for the "mad" in it
        "My teacher painted the house",  # pain, for "teacher" has "ache" in it
        "I'm not stressed",
        "He isn't angry",
        "I\u2019m not very anxious",
        "There is no fear here",
        "never sad",
        "How does TCP work?",
        "",
    ],
)
def test_what_shows_no_feeling_is_neutral(message: str) -> None:
    feeling = read_feeling(message)
    assert (feeling.emotion, feeling.intensity, feeling.valence) == ("neutral", 0.0, 0.0)


def test_pleasure_denied_is_mild_displeasure() -> None:
    feeling = read_feeling("I am not happy with this")
    assert feeling.emotion == "disappointment"
    assert feeling.valence < 0
    assert feeling.intensity < read_feeling("I am disappointed").intensity


def test_a_negation_reaches_only_so_far() -> None:
    assert read_feeling("I did not know that the news had made her angry").emotion == "anger"


def test_strength_is_heard() -> None:
    slightly, plainly, very = (
        read_feeling(text).intensity
        for text in ("I am slightly worried", "I am worried", "I am very worried, really anxious!")
    )
    assert 0 < slightly < plainly < very <= 10


def test_it_tells_what_it_was_read_from() -> None:
    assert read_feeling("Scared, and so afraid").words == ("scared", "afraid")


def test_every_word_of_the_lexicon_is_read() -> None:
    assert {read_feeling(word).emotion for word in FEELING_OF} == set(FEELING_OF.values())
    assert set(FEELING_OF.values()) < set(CHARACTERS)


@settings(deadline=None)
@given(st.text())
def test_any_text_has_a_feeling_within_its_bounds(text: str) -> None:
    feeling = read_feeling(text)
    assert feeling.emotion in CHARACTERS
    assert 0 <= feeling.intensity <= 10
    assert -1 <= feeling.valence <= 1
    assert 0 <= feeling.arousal <= 10
    assert 0 <= feeling.dominance <= 10
