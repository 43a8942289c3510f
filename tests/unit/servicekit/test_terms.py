import pytest

from servicekit.terms import could_answer, terms_of


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("what is tcp", "Why does TCP need a handshake?"),
        ("how do i reset my password", "Resetting a forgotten password"),
        ("how do i connect a printer", "Printer connections"),
        ("don't we ship", "Shipping"),
        ("who are you", "Who is it?"),
        ("\u6771\u4eac\u306f\u3069\u3053", "\u6771\u4eac"),
        ("?!", "anything"),
    ],
)
def test_a_prompt_that_speaks_of_it_could_answer_a_question(question: str, prompt: str) -> None:
    assert could_answer(terms_of(prompt), terms_of(question))


@pytest.mark.parametrize(
    ("question", "prompt"),
    [
        ("what is tcp", "What is UDP?"),
        ("how do i bake bread", "How do I reset my password?"),
        ("which of the seven wonders of the ancient world still stands", "How old is the world?"),
    ],
)
def test_another_could_not(question: str, prompt: str) -> None:
    assert not could_answer(terms_of(prompt), terms_of(question))


def test_nobody_knows_what_many_prompts_could_not_answer() -> None:
    assert could_answer(None, terms_of("how do i bake bread"))
