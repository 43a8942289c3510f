import re

from hypothesis import given
from hypothesis import strategies as st

from dataset_svc.index_snippet import SNIPPET_CHARACTERS, snippet
from dataset_svc.index_text import Terms
from dataset_svc.model import Example

TERMS = Terms()


def example(prompt: str, response: str) -> Example:
    return Example("id", "domain", prompt, response, "{}", 0.0, 0.0)


def test_the_words_asked_for_are_marked_in_whatever_form_they_stand() -> None:
    made = snippet(example("?", "Connections connect; a connecting thing."), {"connect"}, TERMS)

    assert made == "<b>Connections</b> <b>connect</b>; a <b>connecting</b> thing."


def test_the_text_is_escaped() -> None:
    made = snippet(example("?", "<script>x</script> & more"), {"script"}, TERMS)

    assert made == "&lt;<b>script</b>&gt;x&lt;/<b>script</b>&gt; &amp; more"


def test_it_shows_the_part_with_the_most_of_the_words() -> None:
    response = "needle " + "hay " * 200 + "a needle and thread here " + "hay " * 200

    made = snippet(example("?", response), {"needl", "thread"}, TERMS)

    assert "<b>needle</b> and <b>thread</b>" in made
    assert len(re.sub("</?b>", "", made)) <= SNIPPET_CHARACTERS


def test_the_prompt_stands_in_where_the_response_has_none_of_the_words() -> None:
    assert snippet(example("What is DNA?", "A molecule."), {"dna"}, TERMS) == "What is <b>DNA</b>?"


def test_without_any_of_the_words_it_is_the_beginning() -> None:
    made = snippet(example("?", "one two three " * 100), {"zebra"}, TERMS)

    assert made.startswith("one two three")
    assert len(made) <= SNIPPET_CHARACTERS


@given(st.text(), st.text(), st.sets(st.sampled_from(["a", "b", "0", "connect"])))
def test_no_markup_but_ours_ever_comes_out(prompt: str, response: str, asked: set[str]) -> None:
    made = snippet(example(prompt, response), asked, TERMS)

    assert "<" not in made.replace("<b>", "").replace("</b>", "")
    assert made.count("<b>") == made.count("</b>")
