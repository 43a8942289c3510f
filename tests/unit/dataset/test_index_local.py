"""What is shown early, and how it gives way to the store's word, whichever comes first."""

import pytest

from dataset_svc.index_local import MOST_REMOVED, LocalStates
from dataset_svc.model import Change, ChangeKind, Example


def state(time: float, example_id: str = "id") -> Example:
    return Example(example_id, "physics", "What is light?", f"As of {time}.", "{}", 1.0, time)


def told(sequence: int, example: Example | None, example_id: str = "id") -> Change:
    return Change(sequence, ChangeKind.UPDATED, example_id, "physics", example)


def test_an_older_change_does_not_undo_what_is_shown_and_its_own_ends_that() -> None:
    states = LocalStates()
    states.shown([state(5.0)], [])
    assert states.admitted([told(1, state(4.0))]) == []
    own = told(2, state(5.0))
    assert states.admitted([own]) == [own]
    states.brought([own])
    assert states.admitted([told(3, state(4.0))]) == [told(3, state(4.0))]


def test_a_removal_that_is_shown_is_protected_as_well() -> None:
    states = LocalStates()
    states.shown([], ["id"])
    assert states.admitted([told(1, state(9.0))]) == []
    assert states.over() == ([], ["id"])


def test_the_word_of_the_store_that_came_before_the_settling_is_not_lost() -> None:
    states = LocalStates()
    states.shown([state(5.0)], [])
    states.expect("id")
    word = told(7, state(4.0))
    assert states.admitted([word]) == []
    assert states.settle("id", 5.0, 7) == word
    assert states.over() == ([], [])


def test_the_word_of_the_store_that_comes_after_the_settling_is_shown() -> None:
    states = LocalStates()
    states.shown([state(5.0)], [])
    states.expect("id")
    assert states.admitted([told(6, state(3.0))]) == []
    # What was held back is older than the word, which is on its way.
    assert states.settle("id", 5.0, 7) is None
    assert states.admitted([told(7, state(4.0))]) == [told(7, state(4.0))]


def test_a_later_write_stays_until_its_own_turn() -> None:
    states = LocalStates()
    states.shown([state(5.0)], [])
    states.shown([state(6.0)], [])
    states.expect("id")
    assert states.settle("id", 5.0, 7) is None
    assert states.admitted([told(7, state(5.0))]) == []
    assert states.settle("id", 6.0, 0) == told(7, state(5.0))


def test_a_replay_that_was_applied_in_an_earlier_try_is_settled_by_what_it_has_told() -> None:
    states = LocalStates()
    states.shown([], ["id"])
    states.expect("id")
    word = told(7, state(9.0))
    assert states.admitted([word]) == []
    states.expect("id")
    assert states.settle("id", None, 0) == word


@pytest.mark.parametrize("back", [True, False])
def test_what_the_feed_has_removed_is_known_for_a_while(back: bool) -> None:
    states = LocalStates()
    states.brought([told(1, None)])
    assert states.was_removed("id")
    if back:
        states.brought([told(2, state(1.0))])
    else:
        states.brought([told(2 + n, None, f"other-{n}") for n in range(MOST_REMOVED)])
    assert not states.was_removed("id")
