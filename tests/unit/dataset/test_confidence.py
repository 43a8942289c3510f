from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from dataset_svc.confidence import MOST_UNEQUAL, confidence, inverse_frequency, weigher

DOCUMENTS = 1_000
CONTAINING = {"what": 600, "is": 700, "the": 800, "of": 500, "capital": 4, "france": 3, "photosynthesi": 2}
WORDS = st.lists(st.sampled_from([*CONTAINING, "unseen", "alien"]), unique=True)


def weight(term: str) -> float:
    return weigher(lambda each: inverse_frequency(DOCUMENTS, CONTAINING.get(each, 0)))(term)


def sure(question: str, prompt: str, response: str = "") -> float:
    return confidence(question.split(), prompt.split(), response.split, weight)


def test_common_words_alone_make_nobody_sure() -> None:
    assert sure("what is the capital of mongolia", "what is the photosynthesi of france") < 0.2


def test_a_word_that_the_bank_has_never_seen_makes_less_sure() -> None:
    asked = "what is the capital of france"

    assert sure(f"{asked} unseen", asked) < sure(asked, asked) - 0.1


def test_what_only_the_prompt_says_makes_less_sure_too() -> None:
    asked = "capital france"

    assert sure(asked, "capital france photosynthesi") < sure(asked, "capital france")


def test_a_word_of_the_response_counts_a_little() -> None:
    without = sure("capital photosynthesi", "capital france")
    within = sure("capital photosynthesi", "capital france", "photosynthesi is")

    assert without < within < sure("capital photosynthesi", "capital photosynthesi")


def test_a_rare_word_says_more_than_a_common_one() -> None:
    assert sure("capital the", "capital of") > sure("capital the", "the of")


@given(WORDS, WORDS, WORDS)
def test_it_lies_between_nothing_and_almost_certainty(
    question: Sequence[str], prompt: Sequence[str], response: Sequence[str]
) -> None:
    assert 0.0 <= confidence(question, prompt, lambda: response, weight) <= MOST_UNEQUAL


def test_nothing_in_common_is_nothing() -> None:
    assert sure("capital", "photosynthesi") == 0.0
    assert sure("", "") == 0.0


def test_a_term_in_more_documents_than_there_are_left_weighs_little() -> None:
    assert 0.0 < inverse_frequency(1, 50) < inverse_frequency(2, 1)
