from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_svc.additions import MAX_ADDITIONS, Additions
from knowledge_svc.model import Addition
from servicekit.terms import terms_of


def added(prompt: str, domain: str = "faq") -> Addition:
    return Addition(domain, terms_of(prompt))


def test_only_an_addition_to_a_domain_that_was_looked_in_counts() -> None:
    additions = Additions()
    additions.note({added("What is TCP?"): 5})

    assert additions.could_improve("what is tcp", ("faq", "shop"), 4)
    assert additions.could_improve("what is tcp", (), 4)
    assert not additions.could_improve("what is tcp", ("shop",), 4)


def test_only_an_addition_that_came_after_counts() -> None:
    additions = Additions()
    additions.note({added("What is TCP?"): 5, added("What is UDP?"): 9})

    assert not additions.could_improve("what is tcp", (), 5)
    assert additions.could_improve("what is udp", (), 5)
    assert additions.since(5) == {added("What is UDP?"): 9}


def test_after_an_import_anything_of_its_domain_could_be_better() -> None:
    additions = Additions()
    additions.note({Addition("faq"): 5})

    assert additions.could_improve("bread", ("faq",), 4)
    assert not additions.could_improve("bread", ("shop",), 4)


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.sampled_from(["x", "y"])), max_size=60),
    st.integers(0, 60),
    st.sampled_from("abcdefgh"),
    st.sampled_from([("x",), ("y",), ()]),
)
def test_what_is_folded_away_is_never_overlooked(
    prompts: list[tuple[str, str]], sequence: int, question: str, domains: tuple[str, ...]
) -> None:
    additions = Additions()
    # Fillers push the first ones over the bound.
    for number, (prompt, domain) in enumerate(prompts, start=1):
        additions.note({added(prompt, domain): number})
    additions.note({added(f"filler {number} zz"): 60 + number for number in range(MAX_ADDITIONS - 5)})

    must = any(
        prompt == question and number > sequence and (not domains or domain in domains)
        for number, (prompt, domain) in enumerate(prompts, start=1)
    )
    assert additions.could_improve(question, domains, sequence) or not must
    assert len(additions.since(0)) <= MAX_ADDITIONS
