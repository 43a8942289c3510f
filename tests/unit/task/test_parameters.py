"""Parameters are completed or refused; the emotions' frequencies are audible."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from task_svc.catalogue import BRAIN_WAVES_HZ, TONES_HZ, audible_hz, emotions
from task_svc.cymatics.parameters import PALETTES
from task_svc.errors import InvalidParameters
from task_svc.model import TaskKind, body_hash, task_id_of_request
from task_svc.parameters import canonical_json, completed, normalised_json

CYMATIC = TaskKind.CYMATIC


def test_nothing_asked_for_is_completed() -> None:
    assert completed(CYMATIC, "") == completed(CYMATIC, "{}")
    assert completed(CYMATIC, "{}") == {
        "frequency_hz": 432.0,
        "plate": "circular",
        "size_pixels": 1024,
        "seed": 1,
        "palette": PALETTES[0],
        "animated": False,
        "prompt": "",
    }


def test_an_emotion_becomes_an_audible_frequency() -> None:
    calm = completed(CYMATIC, '{"emotion": "calm"}')
    assert (calm["frequency_hz"], calm["octaves_raised"]) == (320.0, 5)
    love = completed(CYMATIC, '{"emotion": "love"}')
    assert (love["frequency_hz"], love["octaves_raised"]) == (528.0, 0)


@pytest.mark.parametrize("name", emotions())
def test_every_emotion_has_a_frequency_that_is_its_own_by_octaves(name: str) -> None:
    frequency_hz, octaves = audible_hz(name)
    assert 20 <= frequency_hz <= 20_000
    assert frequency_hz / 2**octaves == (TONES_HZ.get(name) or BRAIN_WAVES_HZ[name])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "no JSON object"),
        ("{", "no valid JSON"),
        ("[" * 10_000, "no valid JSON"),
        (json.dumps({"prompt": "x" * 20_000}), "16384 bytes"),
        ('{"frequency_hz": true}', "is true"),
        ('{"frequency_hz": NaN}', "from 20 to 20000"),
        ('{"frequency_hz": 1e999}', "from 20 to 20000"),
        ('{"frequency_hz": 1' + "0" * 400 + "}", "from 20 to 20000"),
        ('{"frequency_hz": null}', "is null"),
        ('{"seed": -1}', "whole number from 0"),
        ('{"seed": 1.0}', "whole number"),
        ('{"size_pixels": 63}', "from 64 to 2048"),
        ('{"palette": "mud"}', "sand, ocean, ember, aurora, ink"),
        ('{"palette": ["sand"]}', "one of"),
        ('{"prompt": "a\\u0000b"}', "without NUL"),
        ('{"prompt": "\\ud800"}', "cannot be used"),
        ('{"emotion": "joy", "frequency_hz": 20}', "one of the two"),
        ('{"\\ud800": 1}', "not known"),
    ],
)
def test_what_cannot_be_used_is_named(text: str, message: str) -> None:
    with pytest.raises(InvalidParameters, match=message) as refused:
        completed(CYMATIC, text)
    refused.value.message.encode()
    assert refused.value.metadata["field"]


@given(st.text())
def test_any_text_is_completed_or_refused(text: str) -> None:
    try:
        parameters = completed(CYMATIC, text)
    except InvalidParameters as refused:
        refused.message.encode()
    else:
        canonical_json(parameters).encode()


@given(
    st.dictionaries(
        st.sampled_from(["frequency_hz", "seed", "size_pixels", "plate", "palette", "prompt", "emotion"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text()
        | st.sampled_from(["circular", "sand", "joy"])
        | st.lists(st.integers()),
    )
)
def test_any_value_is_completed_or_refused(values: dict[str, object]) -> None:
    text = json.dumps(values)
    try:
        parameters = completed(CYMATIC, text)
    except InvalidParameters as refused:
        refused.message.encode()
    else:
        assert completed(CYMATIC, text) == parameters


@pytest.mark.parametrize("kind", TaskKind)
def test_every_kind_is_completed_without_any_wish_and_what_is_complete_stays_so(kind: TaskKind) -> None:
    parameters = completed(kind, "{}")
    assert completed(kind, canonical_json(parameters)) == parameters


def test_one_request_has_one_id_and_one_hash_however_it_is_spelt() -> None:
    one, other = (
        normalised_json('{"seed": 1, "plate": "square"}'),
        normalised_json('{"plate":"square","seed":1}'),
    )
    assert body_hash(CYMATIC, one, 5) == body_hash(CYMATIC, other, 5)
    assert body_hash(CYMATIC, one, 5) != body_hash(CYMATIC, one, 6)
    assert task_id_of_request("ann", "r") == task_id_of_request("ann", "r")
    assert task_id_of_request("ann", "r") != task_id_of_request("an", "nr")
    assert task_id_of_request("", "r")[14] == "8"
