import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_svc.confidence import FUNCTION_WORDS
from dataset_svc.index_schema import exact_term, order_key
from dataset_svc.index_text import Terms, plain_words


@pytest.fixture(scope="module")
def terms() -> Terms:
    return Terms()


def test_words_come_down_to_their_stem(terms: Terms) -> None:
    assert terms.of("Running, RUNS: connections!") == ["run", "run", "connect"]


def test_accents_case_and_compatibility_forms_make_no_difference(terms: Terms) -> None:
    assert terms.of("CAFÉ \ufb01ne \uff26ull") == terms.of("cafe fine full")


@pytest.mark.parametrize("apostrophe", ["'", "\u2019", "\u02bc"])
def test_an_apostrophe_makes_no_difference(terms: Terms, apostrophe: str) -> None:
    assert terms.of(f"don{apostrophe}t") == terms.of("dont")


def test_each_character_of_an_unspaced_script_is_a_word(terms: Terms) -> None:
    assert terms.of("你好 world") == ["你", "好", "world"]


def test_terms_are_told_once_and_only_the_first_ones(terms: Terms) -> None:
    assert terms.distinct("b a b c d", 3) == ["b", "a", "c"]


def test_a_word_knows_where_it_stands(terms: Terms) -> None:
    text = "Ünïcode, don't connections"

    assert [text[word.start : word.end] for word in terms.words(text)] == ["Ünïcode", "don't", "connections"]
    assert [word.term for word in terms.words(text)] == ["unicod", "dont", "connect"]


def test_function_words_are_written_as_the_index_has_them(terms: Terms) -> None:
    spoken = "Please tell me what you describe, why any and many of these are done very much; I don't say so"

    assert set(terms.of(spoken)) <= FUNCTION_WORDS


def test_the_same_words_are_the_same_prompt() -> None:
    assert plain_words("What's  DNA?") == plain_words("what\u2019s dna")
    assert exact_term("What's  DNA?") == exact_term("WHAT\u2019S dna!!")
    assert exact_term("running") != exact_term("runs")
    assert exact_term("🙂") != exact_term("🙁")


@given(st.text(), st.text())
def test_the_order_key_never_contradicts_the_order_of_ids(one: str, other: str) -> None:
    low, high = sorted((one, other))

    assert 0 <= order_key(low) <= order_key(high) < 2**64


@given(st.uuids(), st.uuids())
def test_the_order_key_tells_the_milliseconds_of_uuids_apart(one: object, other: object) -> None:
    if str(one)[:14] < str(other)[:14]:
        assert order_key(str(one)) < order_key(str(other))


@given(st.text())
def test_any_text_has_terms_or_none(text: str) -> None:
    assert all(term.strip() for term in Terms().of(text))
