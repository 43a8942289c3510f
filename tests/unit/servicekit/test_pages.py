import pytest
from hypothesis import given
from hypothesis import strategies as st

from servicekit.errors import InvalidArgument
from servicekit.pages import MAX_TOKEN_CHARACTERS, clamp_page_size, decode_token, encode_token

SCALARS = (
    st.text(max_size=20)
    | st.integers(min_value=-(2**63), max_value=2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
POSITIONS = st.dictionaries(st.text(max_size=10), SCALARS, max_size=5)


@given(POSITIONS)
def test_a_token_gives_its_position_back(position: dict[str, str | int | float | bool | None]) -> None:
    token = encode_token(position)

    assert decode_token(token) == position
    assert token.isascii()
    assert not set(token) & set("+/= ")


@given(POSITIONS, st.data())
def test_an_altered_token_is_refused(
    position: dict[str, str | int | float | bool | None], data: st.DataObject
) -> None:
    token = encode_token(position)
    index = data.draw(st.integers(min_value=0, max_value=len(token) - 1))
    other = data.draw(st.sampled_from([c for c in "ABCabc019-_ =+/%é" if c != token[index]]))

    with pytest.raises(InvalidArgument, match="page_token"):
        decode_token(token[:index] + other + token[index + 1 :])


@given(POSITIONS, st.data())
def test_a_cut_token_is_refused(
    position: dict[str, str | int | float | bool | None], data: st.DataObject
) -> None:
    token = encode_token(position)

    with pytest.raises(InvalidArgument):
        decode_token(token[: data.draw(st.integers(min_value=1, max_value=len(token) - 1))])


@given(st.text(min_size=1))
def test_rubbish_is_refused(rubbish: str) -> None:
    with pytest.raises(InvalidArgument):
        decode_token(rubbish)


def test_the_empty_token_is_the_first_page() -> None:
    assert decode_token("") == {}


@pytest.mark.parametrize("length", [MAX_TOKEN_CHARACTERS, MAX_TOKEN_CHARACTERS + 1, 10_000_000])
def test_the_length_is_bounded(length: int) -> None:
    with pytest.raises(InvalidArgument):
        decode_token("A" * length)


def test_a_position_too_long_or_not_json_is_the_programmers_fault() -> None:
    with pytest.raises(ValueError, match="too long"):
        encode_token({"after": "x" * MAX_TOKEN_CHARACTERS})
    with pytest.raises(ValueError, match="JSON compliant"):
        encode_token({"after": float("nan")})


@pytest.mark.parametrize(("asked", "given_rows"), [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)])
def test_page_sizes_are_clamped(asked: int, given_rows: int) -> None:
    assert clamp_page_size(asked, default=50, maximum=500) == given_rows


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="page_size"):
        clamp_page_size(-1, default=50, maximum=500)
