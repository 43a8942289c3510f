"""Which of two changes is kept, and what is written down of the other."""

import json
from dataclasses import replace

import pytest

from dataset_svc.conflicts import Deletion, Edit, Lost, Verdict, judged_deletion, judged_edit
from dataset_svc.model import Analyser, Example

BASE, MINE = 100.0, 200.0


def state(
    response: str, time: float, metadata_json: str = "{}", analyser: Analyser = Analyser.ENGLISH
) -> Example:
    return Example("id", "physics", "What is light?", response, metadata_json, 50.0, time, analyser)


EDIT = Edit(state("Mine.", MINE), BASE, None)
DELETION = Deletion("id", "physics", BASE, MINE)


def test_an_edit_of_what_the_store_holds_meets_nothing() -> None:
    assert judged_edit(EDIT, state("Base.", BASE), None) == Verdict(kept=True)


def test_an_edit_that_the_store_has_already_meets_nothing() -> None:
    assert judged_edit(EDIT, replace(EDIT.example, analyser=Analyser.NEUTRAL), None) == Verdict(kept=True)


@pytest.mark.parametrize(("theirs", "kept"), [(MINE - 1, True), (MINE, False), (MINE + 1, False)])
def test_of_two_edits_the_later_is_kept_and_the_other_written_down(theirs: float, kept: bool) -> None:
    verdict = judged_edit(EDIT, state("Theirs.", theirs), None)
    assert verdict.kept is kept
    assert verdict.lost is not None
    assert json.loads(verdict.lost.content_json)["response"] == ("Theirs." if kept else "Mine.")
    assert verdict.lost.time == (theirs if kept else MINE)


@pytest.mark.parametrize(("removed_at", "kept"), [(MINE - 1, True), (MINE, False), (MINE + 1, False)])
def test_of_an_edit_and_a_removal_the_later_is_kept(removed_at: float, kept: bool) -> None:
    verdict = judged_edit(EDIT, None, removed_at)
    assert verdict.kept is kept
    assert verdict.lost is not None
    assert (verdict.lost == Lost("null", removed_at)) is kept


def test_an_edit_of_what_never_was_in_the_store_is_kept() -> None:
    assert judged_edit(EDIT, None, None) == Verdict(kept=True)


@pytest.mark.parametrize(("theirs", "kept"), [(MINE - 1, True), (MINE, False), (MINE + 1, False)])
def test_of_a_deletion_and_an_edit_the_later_is_kept(theirs: float, kept: bool) -> None:
    verdict = judged_deletion(DELETION, state("Theirs.", theirs))
    assert verdict.kept is kept
    assert verdict.lost is not None
    assert (verdict.lost.content_json == "null") is not kept


def test_a_deletion_of_what_the_store_holds_meets_nothing() -> None:
    assert judged_deletion(DELETION, state("Base.", BASE)) == Verdict(kept=True)


def test_what_is_given_up_names_the_users_of_both_states() -> None:
    edit = Edit(state("Mine.", MINE, '{"user_id": "bob"}'), BASE, "ada")
    verdict = judged_edit(edit, state("Theirs.", MINE + 1, '{"user_id": "eve"}'), None)
    assert verdict.lost is not None
    assert verdict.lost.users == ("ada", "bob")
