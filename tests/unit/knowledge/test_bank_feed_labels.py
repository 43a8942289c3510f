from knowledge_svc.bank_feed import labels_of
from mcai.dataset.v1 import bank_pb2


def change(
    sequence: int, kind: "bank_pb2.ChangeKind.ValueType", example: str, domain: str = "faq"
) -> bank_pb2.Change:
    return bank_pb2.Change(sequence=sequence, kind=kind, example_id=example, domain=domain)


def test_an_edit_ends_what_was_built_on_the_example_and_what_said_there_is_nothing() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_UPDATED, "a")]) == {"e:a": 3, "n": 3}


def test_a_deletion_ends_only_what_was_built_on_the_example() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_DELETED, "a")]) == {"e:a": 3}


def test_an_addition_ends_what_was_looked_for_in_its_domain() -> None:
    assert labels_of([change(3, bank_pb2.CHANGE_KIND_CREATED, "a")]) == {"d:faq": 3, "d:*": 3, "n": 3}


def test_a_large_import_is_few_labels() -> None:
    changes = [change(number, bank_pb2.CHANGE_KIND_CREATED, f"e{number}") for number in range(1, 5_001)]

    assert labels_of(changes) == {"d:faq": 5_000, "d:*": 5_000, "n": 5_000}
