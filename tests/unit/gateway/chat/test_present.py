"""Sentences for streams and bullets for easier reading; neither loses a word."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.chat.present import bulleted, sentences


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("One. Two! Three?", ["One. ", "Two! ", "Three?"]),
        ("It costs 3.14 euros. Fine.", ["It costs 3.14 euros. ", "Fine."]),
        ("Use a tool, e.g. grep. Then stop.", ["Use a tool, e.g. grep. ", "Then stop."]),
        ("Dr. Ada Lovelace wrote it. She did.", ["Dr. Ada Lovelace wrote it. ", "She did."]),
        ("J. S. Bach wrote it. He did.", ["J. S. Bach wrote it. ", "He did."]),
        ('He said "go." Then he went.', ['He said "go." ', "Then he went."]),
        ("a line\nanother\n\nlast", ["a line\n", "another\n\n", "last"]),
        ("", []),
    ],
)
def test_sentences_end_where_they_end(text: str, pieces: list[str]) -> None:
    assert sentences(text) == pieces


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("aA.!?… \n\"')1e,g")))
def test_the_pieces_joined_are_the_text(text: str) -> None:
    assert "".join(sentences(text)) == text


def test_each_sentence_of_a_paragraph_becomes_a_bullet() -> None:
    assert bulleted("One. Two.\n\nThree is alone.") == "- One.\n- Two.\n\nThree is alone."


@pytest.mark.parametrize(
    "text",
    [
        "- a. B.\n- c. D.",
        "1. First. Really.\n2. Second.",
        "```\na = 1. \nB. C.\n```",
        "| a. B | c |",
        "> Quoted. Twice.",
        "Just one sentence.",
    ],
)
def test_what_is_laid_out_already_stays(text: str) -> None:
    assert bulleted(text) == text


@settings(deadline=None)
@given(st.text(alphabet=st.sampled_from("abAB.!? \n")))
def test_bullets_keep_the_words_in_order(text: str) -> None:
    assert bulleted(text).replace("- ", "").split() == text.split()
