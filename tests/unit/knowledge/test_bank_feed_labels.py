from knowledge_svc.bank_feed import additions_of, labels_of
from knowledge_svc.model import Addition
from mcai.dataset.v1 import bank_pb2
from servicekit.terms import terms_of


def change(
    sequence: int, kind: "bank_pb2.ChangeKind.ValueType", example: str, domain: str = "faq", prompt: str = ""
) -> bank_pb2.Change:
    changed = bank_pb2.Change(sequence=sequence, kind=kind, example_id=example, domain=domain)
    if prompt:
        changed.example.prompt = prompt
    return changed


def test_an_edit_ends_what_was_built_on_the_example_and_what_said_there_is_nothing() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_UPDATED, "a")]) == {"e:a": 3, "n": 3}


def test_a_deletion_ends_only_what_was_built_on_the_example() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_DELETED, "a")]) == {"e:a": 3}


def test_an_addition_ends_only_what_said_there_is_nothing() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_CREATED, "a")]) == {"n": 3}


def test_a_new_prompt_and_an_edited_one_are_additions() -> None:
    changes = [
        change(1, bank_pb2.CHANGE_KIND_CREATED, "a", prompt="What is TCP?"),
        change(2, bank_pb2.CHANGE_KIND_UPDATED, "b", "shop", prompt="Opening hours"),
        change(3, bank_pb2.CHANGE_KIND_DELETED, "c"),
        change(4, bank_pb2.CHANGE_KIND_CREATED, "gone since"),
    ]

    assert additions_of(changes) == {
        Addition("faq", terms_of("what is tcp")): 1,
        Addition("shop", terms_of("opening hours")): 2,
    }


def test_a_large_import_is_one_addition_for_each_domain() -> None:
    changes = [change(number, bank_pb2.CHANGE_KIND_CREATED, "e", prompt="p") for number in range(1, 5_001)]

    assert additions_of(changes) == {Addition("faq"): 5_000}
    assert labels_of(changes) == {"n": 5_000}
