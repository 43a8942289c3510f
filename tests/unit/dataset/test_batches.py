from hypothesis import given
from hypothesis import strategies as st

from dataset_svc.batches import candidates, domain_counts, sort_out
from dataset_svc.model import Insertion, content_hash
from tests.support.bank_stores import example

numbers = st.lists(st.integers(0, 5), max_size=12)


def test_content_keys_are_the_content_hash_in_bytes() -> None:
    [candidate] = candidates([example(1)])
    prompt, response = example(1).prompt, example(1).response
    assert candidate.key == ("physics", bytes.fromhex(content_hash("physics", prompt, response)))


@given(numbers, numbers)
def test_each_content_is_stored_once_and_its_copies_name_it(batch: list[int], stored: list[int]) -> None:
    """Two batches one after the other, checked against a dictionary."""
    examples = [example(number, id=f"new-{position}") for position, number in enumerate(batch)]
    taken = {each.key: f"old-{number}" for number in stored for each in candidates([example(number)])}
    fresh, insertions = sort_out(candidates(examples), set(), taken)
    known = {number: f"old-{number}" for number in stored}
    expected = []
    for each, number in zip(examples, batch, strict=True):
        expected.append(Insertion(known.get(number, each.id), duplicate=number in known))
        known.setdefault(number, each.id)
    assert list(insertions) == expected
    assert [each.example.id for each in fresh] == [each.id for each in expected if not each.duplicate]


def test_an_id_comes_before_a_content() -> None:
    batch = candidates([example(1), example(2, id="id-000001")])
    fresh, insertions = sort_out(batch, set(), {batch[1].key: "old"})
    assert [each.example for each in fresh] == [example(1)]
    assert insertions[1] == Insertion("id-000001", duplicate=True)


def test_a_new_dataset_begins_with_its_earliest_example() -> None:
    batch = candidates([example(5), example(3), example(4, domain="chemistry")])
    assert domain_counts(batch) == {
        "physics": (2, example(3).create_time),
        "chemistry": (1, example(4).create_time),
    }
