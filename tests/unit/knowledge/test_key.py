import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_svc.model import Question
from knowledge_svc.question import normalise

TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
NAMES = st.lists(TEXTS, max_size=4).map(tuple)
QUESTIONS = st.builds(Question, text=TEXTS, scope=TEXTS, domains=NAMES, options=NAMES, model=TEXTS)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is TCP?", "what is tcp?"),
        ("  what\tis \n tcp? ", "what is tcp?"),
        ("STRASSE", "straße"),
        ("ﬁle", "file"),
        ("①", "1"),
        ("e\u0301", "é"),
        ("what\u00a0is", "what is"),
        ("what is TCP", "what is tcp?!"),
        ("what is tcp...", "what is tcp\u2026"),
        ("\u00bfWhat is TCP", "what is tcp"),
        ("Please, what is TCP?", "what is tcp"),
        ("Could you please tell me what is TCP?", "what is tcp"),
        ("I'd like to know: what is TCP", "what is tcp"),
        ("I\u2019d like to know what is TCP", "what is tcp"),
        ("Do you know what TCP is?", "what tcp is"),
        ("please please explain it", "explain it"),
    ],
)
def test_the_same_question_written_otherwise_has_the_same_key(one: str, other: str) -> None:
    assert Question(one).key == Question(other).key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Question("is it safe"), Question("is it not safe")),
        (Question("c"), Question("c++")),
        (Question("net"), Question(".net")),
        (Question("3.14"), Question("314")),
        (Question("is 3 > 2"), Question("is 3 < 2")),
        (Question("do you know me"), Question("me")),
        (Question("please"), Question("thanks")),
        (Question("???"), Question("!")),
        (Question("a", scope="shared"), Question("a", scope="ann")),
        (Question("a", scope="ann"), Question("a", scope="Ann")),
        (Question("a", domains=("x",)), Question("a")),
        (Question("a", domains=("x", "y")), Question("a", domains=("xy",))),
        (Question("a", domains=("x",)), Question("a", options=("x",))),
        (Question("ab", scope="c"), Question("a", scope="bc")),
        (Question("a", model="extractive"), Question("a", model="gpt")),
    ],
)
def test_another_question_has_another_key(one: Question, other: Question) -> None:
    assert one.key != other.key


def test_the_order_of_domains_and_options_does_not_matter() -> None:
    one = Question("a", domains=("x", "y", "x"), options=("k=1", "j=2"))

    assert one.key == Question("a", domains=("y", "x"), options=("j=2", "k=1")).key


def test_every_process_builds_the_same_key() -> None:
    program = (
        "from knowledge_svc.model import Question; print(Question('Why?', domains=('b', 'a')).key.hex())"
    )

    elsewhere = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONHASHSEED": "7"},
    )

    assert elsewhere.stdout.strip() == Question("why?", domains=("a", "b")).key.hex()


@settings(deadline=None)
@given(QUESTIONS)
def test_a_key_is_32_bytes(question: Question) -> None:
    assert len(question.key) == 32


@settings(deadline=None)
@given(QUESTIONS, QUESTIONS)
def test_keys_are_equal_exactly_when_the_normalised_fields_are(one: Question, other: Question) -> None:
    def fields(question: Question) -> tuple[object, ...]:
        return (
            normalise(question.text),
            question.scope,
            set(question.domains),
            set(question.options),
            question.model,
        )

    assert (one.key == other.key) == (fields(one) == fields(other))


@settings(deadline=None)
@given(TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)
