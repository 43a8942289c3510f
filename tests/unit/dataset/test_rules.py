import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataset_svc import rules
from dataset_svc.errors import InvalidExample
from dataset_svc.model import MAX_METADATA_BYTES, MAX_PROMPT_CHARACTERS
from servicekit.errors import InvalidArgument


@pytest.mark.parametrize(
    "domain", ["physics", "music theory", "R&D", "C++", "Ärzte", "a", "7", "v1.2_b", "x" * 64]
)
def test_names_that_people_give_are_admitted(domain: str) -> None:
    assert rules.checked_domain(domain) == domain


@pytest.mark.parametrize(
    "domain", ["", " a", "a ", "../etc", "a/b", "a:b", "a\n", "x" * 65, "_a", "a\0b", "a\ud800"]
)
def test_names_that_break_paths_are_refused(domain: str) -> None:
    with pytest.raises(InvalidArgument, match="domain"):
        rules.checked_domain(domain)


@pytest.mark.parametrize(
    "prompt", ["", "   ", "\n\t", "x" * (MAX_PROMPT_CHARACTERS + 1), "a\0b", "half \ud83d"]
)
def test_a_prompt_is_filled_and_clean(prompt: str) -> None:
    with pytest.raises(InvalidExample, match="prompt"):
        rules.checked_prompt(prompt)


def test_a_prompt_is_kept_to_the_letter() -> None:
    prompt = "  What's\u2028this 🙂?  "

    assert rules.checked_prompt(prompt) == prompt


@pytest.mark.parametrize(
    "metadata",
    [
        "[]",
        "1",
        "null",
        "{",
        '{"a": NaN}',
        '{"a": "\\u0000"}',
        '{"a": ["\\ud800"]}',
        '{"\\udfff": 1}',
        "[" * 100_000,
        '{"a": ' * 5_000,
        json.dumps({"a": "x" * MAX_METADATA_BYTES}),
        json.dumps({"a": "ü" * (MAX_METADATA_BYTES // 2)}, ensure_ascii=False),
    ],
)
def test_metadata_is_a_json_object_within_its_bound(metadata: str) -> None:
    with pytest.raises(InvalidExample, match="metadata"):
        rules.checked_metadata(metadata)


def test_no_metadata_is_an_empty_object() -> None:
    assert rules.checked_metadata("") == "{}"


def test_metadata_is_kept_to_the_letter() -> None:
    assert rules.checked_metadata('{ "b":1,"a" : 2 }') == '{ "b":1,"a" : 2 }'


@given(
    st.dictionaries(
        st.text(st.characters(exclude_characters="\0", codec="utf-8")), st.integers() | st.booleans()
    )
)
def test_any_plain_object_is_metadata(value: dict[str, object]) -> None:
    text = json.dumps(value, ensure_ascii=False)

    assert rules.checked_metadata(text) == text


@given(st.text(st.characters()))
def test_whatever_is_sent_is_kept_or_refused_with_a_sentence(text: str) -> None:
    for check in (rules.checked_domain, rules.checked_prompt, rules.checked_response, rules.checked_metadata):
        sentence = refusal_of(check, text)

        assert (sentence or ".").endswith(".")


def refusal_of(check: Callable[[str], str], text: str) -> str | None:
    try:
        check(text).encode()
    except InvalidArgument as refusal:
        return refusal.message.encode().decode()
    return None


@pytest.mark.parametrize("days", [-1, rules.MAX_RETENTION_DAYS + 1])
def test_a_retention_is_some_days(days: int) -> None:
    with pytest.raises(InvalidArgument, match="retention_days"):
        rules.checked_retention(days)


def test_an_id_is_asked_for_where_it_is_needed() -> None:
    assert rules.checked_identifier("request_id", "", required=False) == ""
    with pytest.raises(InvalidArgument, match="user_id is missing"):
        rules.checked_identifier("user_id", "")
    with pytest.raises(InvalidArgument, match="128"):
        rules.checked_identifier("user_id", "x" * 129)
