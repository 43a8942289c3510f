"""Intent and safety, and that nothing makes understanding fail."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chat.model import Intent
from gateway.chat.understand import understand


@pytest.mark.parametrize(
    ("message", "intent"),
    [
        ("Hello", Intent.GREETING),
        ("hi there!", Intent.GREETING),
        ("Good morning", Intent.GREETING),
        ("Thanks a lot!", Intent.THANKS),
        ("ok thanks", Intent.THANKS),
        ("thank you so much for your help", Intent.THANKS),
        ("Bye!", Intent.GOODBYE),
        ("see you later", Intent.GOODBYE),
        ("Hello, what is TCP?", Intent.QUESTION),
        ("what is tcp", Intent.QUESTION),
        ("TCP is reliable?", Intent.QUESTION),
        ("Is it safe", Intent.QUESTION),
        ("Can you swim?", Intent.QUESTION),
        ("Explain recursion", Intent.COMMAND),
        ("Could you please explain recursion?", Intent.QUESTION),
        ("list the planets", Intent.COMMAND),
        ("I like cats", Intent.STATEMENT),
        ("Draw me a picture of a cat", Intent.PICTURE),
        ("Can you draw a cymatic pattern?", Intent.PICTURE),
        ("generate a cymatic at 432 Hz", Intent.PICTURE),
        ("draw a conclusion from this", Intent.COMMAND),
        ("What is a picture frame?", Intent.QUESTION),
        ("Compose some calm music", Intent.MUSIC),
        ("How do I compose music?", Intent.QUESTION),
    ],
)
def test_what_a_message_wants(message: str, intent: Intent) -> None:
    assert understand(message).intent is intent


@pytest.mark.parametrize(
    "message",
    [
        "I want to kill myself",
        "I dont want to live anymore",
        "I don\u2019t want to live like this any more.",
        "I just want to end it all",
        "I feel suicidal",
        "im suicidal",
        "I have thoughts of suicide",
        "I've been cutting myself",
        "I keep hurting myself",
        "I'm going to hang myself",
        "I WANT TO DIE",
        "I wish I was dead",
        "I wish I had never been born",
        "Everyone would be better off without me",
        "There is no point in living",
        "I attempted suicide last year",
        "I self-harm",
        "How do I commit suicide?",
        "My friend wants to kill herself",
        "She is threatening to take her own life",
        "Please, could you tell me how to kill myself?",
    ],
)
def test_a_crisis_is_heard(message: str) -> None:
    assert understand(message).crisis


@pytest.mark.parametrize(
    "message",
    [
        "How do I kill a process?",
        "kill -9 the daemon",
        "I could kill myself laughing",
        "I cut myself shaving",
        "I don't want to die",
        "I don't want to live in London",
        "I don't want to wake up early",
        "I want to die of laughter",
        "What is the suicide rate in Japan?",
        "Why did Cleopatra kill herself?",
        "How long do stars live before they die?",
        "When does Python 3.9 reach the end of its life?",
    ],
)
def test_harmless_words_are_no_crisis(message: str) -> None:
    assert not understand(message).crisis


@settings(deadline=None)
@given(st.text())
def test_any_text_is_understood(text: str) -> None:
    understand(text)
