"""Keys and bytes of cached answers."""

import pytest

from gateway.chat.model import Composed, Kind, Recalled, Source, Tier
from gateway.chat.recall import Slot, cache_key, decode, encode
from gateway.chat.retrieve import Lookup

COMPOSED = Composed(
    Kind.ANSWER,
    "Grüße \U0001f44b",
    (Source("1", "networking", "What is TCP?", "Grüße \U0001f44b", 3.5, 0.9),),
    (),
    0.9,
)


def test_a_cached_answer_comes_back_whole() -> None:
    assert decode(encode(COMPOSED)) == COMPOSED


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", b'{"kind": "poem"}', encode(COMPOSED)[:-1]])
def test_what_cannot_be_read_is_a_miss(value: bytes | None) -> None:
    assert decode(value) is None
    slot = Slot(None, Recalled(value, Tier.REDIS, stale=True))
    assert (slot.tier, slot.stale, slot.settled) == (Tier.MISS, False, False)


def test_a_key_tells_apart_what_changes_the_answer() -> None:
    lookups = [
        Lookup("what is tcp", ()),
        Lookup("what is udp", ()),
        Lookup("what is tcp", ("networking",)),
        Lookup("what is tcp", (), from_history=True),
    ]
    keys = {cache_key(lookup, "ada", min_confidence=0.5) for lookup in lookups}
    keys.add(cache_key(lookups[0], "ada", min_confidence=0.4))
    assert len(keys) == 5
    assert None not in keys


def test_a_lookup_that_widens_shares_no_key_with_one_that_does_not() -> None:
    widening, narrow = (Lookup("hello", ("small_talk",), widens=widens) for widens in (True, False))
    key = cache_key(widening, None, min_confidence=0.5)
    assert key is not None
    assert key.domains == ()
    assert key != cache_key(narrow, None, min_confidence=0.5)


@pytest.mark.parametrize("text", ["", "x" * 16_385])
def test_a_text_that_no_key_can_hold_has_none(text: str) -> None:
    assert cache_key(Lookup(text, ()), None, min_confidence=0.5) is None
