import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge_svc.model import ANY_SEQUENCE, Entry, EntryKind, Invalidation, asked
from knowledge_svc.ports import sequence_of
from tests.support.knowledge_parts import LIFETIMES, NOW


@pytest.mark.parametrize(
    ("kind", "seconds"), [(EntryKind.ANSWER, 3_600), (EntryKind.NEGATIVE, 30), (EntryKind.DATASET, 86_400)]
)
def test_each_kind_has_its_own_life(kind: EntryKind, seconds: float) -> None:
    entry = LIFETIMES.stamp(Entry(b"", kind), NOW, 0.0)

    assert entry.is_fresh(NOW + seconds - 0.001)
    assert not entry.is_fresh(NOW + seconds)
    assert entry.is_alive(NOW + 2 * seconds - 0.001)
    assert not entry.is_alive(NOW + 2 * seconds)


@settings(deadline=None)
@given(st.floats(0, 1))
def test_chance_only_shortens_a_life_and_by_a_tenth_at_the_most(chance: float) -> None:
    lifetimes = type(LIFETIMES)(LIFETIMES.seconds, jitter=0.1)

    fresh = lifetimes.stamp(Entry(b""), 0.0, chance).fresh_until

    assert 3_240 <= fresh <= 3_600


def test_the_labels_of_an_entry_are_all_that_could_end_it() -> None:
    assert Entry(b"", example_ids=("a", "b"), domains=("faq",)).labels == {"e:a", "e:b", "d:faq"}
    assert Entry(b"", EntryKind.NEGATIVE).labels == {"d:*", "n"}


def test_what_a_person_asks_to_forget_goes_whatever_its_sequence() -> None:
    invalidation = asked(example_ids=["a"], domains=["faq"])

    assert invalidation.labels == dict.fromkeys(("e:a", "d:faq", "d:*"), ANY_SEQUENCE)


def test_two_invalidations_together_forget_all_that_each_forgets() -> None:
    one = Invalidation(frozenset((b"1",)), {"e:a": 3, "e:b": 9}, sequence=9)
    other = Invalidation(frozenset((b"2",)), {"e:a": 5}, everything=True, sequence=5)

    assert one.merged(other) == Invalidation(
        frozenset((b"1", b"2")), {"e:a": 5, "e:b": 9}, everything=True, sequence=9
    )


@pytest.mark.parametrize(
    ("token", "sequence"), [("book.7.42", 42), ("", 0), ("rubbish", 0), ("a.b.-3", 0), ("a." + "9" * 40, 0)]
)
def test_the_sequence_of_a_token(token: str, sequence: int) -> None:
    assert sequence_of(token) == sequence
