from knowledge_svc.change_log import ChangeLog
from tests.support.knowledge_parts import entry_of


def test_what_was_computed_before_a_source_changed_is_outdated() -> None:
    log = ChangeLog()
    log.note({"e:a": 5}, 5)

    assert log.outdates(entry_of(built_on=("a", "b"), sequence=4))
    assert not log.outdates(entry_of(built_on=("a",), sequence=5))
    assert not log.outdates(entry_of(built_on=("b",), sequence=4))


def test_it_vouches_only_for_what_it_has_seen_the_changes_since() -> None:
    log = ChangeLog()
    log.restart(10)

    assert not log.vouches_for(entry_of(sequence=9))
    assert log.vouches_for(entry_of(sequence=10))


def test_what_is_dropped_raises_the_floor() -> None:
    log = ChangeLog(max_labels=2)
    log.note({"e:a": 1, "e:b": 2, "e:c": 3}, 3)

    assert log.since(0) is None
    assert log.since(1) == {"e:b": 2, "e:c": 3}
    assert not log.vouches_for(entry_of(sequence=0))


def test_a_label_that_changes_again_is_kept_with_its_last_change() -> None:
    log = ChangeLog(max_labels=2)
    log.note({"e:a": 1, "e:b": 2}, 2)
    log.note({"e:a": 3}, 3)
    log.note({"e:c": 4}, 4)

    assert log.since(2) == {"e:a": 3, "e:c": 4}


def test_its_position_never_goes_back_but_by_a_restart() -> None:
    log = ChangeLog()
    log.note({}, 9)
    log.note({}, 4)
    assert log.sequence == 9

    log.restart(2)

    assert (log.sequence, log.floor) == (2, 2)
