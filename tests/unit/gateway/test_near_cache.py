"""The near cache: what it serves was true at most a window ago, as far as the stream can tell."""

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.chat.model import CacheKey
from gateway.near_cache import ALL_DOMAINS, WINDOW_SECONDS, Added, Heard, NearAnswer, NearCache, Source
from servicekit.terms import terms_of

FAQ: Source = ("domain", "faq")
A: Source = ("example", "a")
B: Source = ("example", "b")
ANY_SEQUENCE = 2**52


def key(name: str = "one") -> CacheKey:
    return CacheKey(name, "shared", (), (), "extractive")


def answer(
    value: bytes = b"an answer",
    *sources: Source,
    name: bytes = b"one",
    question: str = "what is tcp",
    sequence: int = 10,
    fresh: float = 3600,
) -> NearAnswer:
    return NearAnswer(value, name, frozenset(sources or (A, FAQ)), terms_of(question), sequence, fresh)


def added(prompt: str, *, domain: str = "faq", sequence: int = 11) -> Added:
    return Added(domain, terms_of(prompt), sequence)


class Near:
    """A near cache that has listened for long, its clock, and a stream whose clock began elsewhere."""

    def __init__(self, max_bytes: int = 100_000) -> None:
        self.now = 1_000.0
        self.cache = NearCache(max_bytes, lambda: self.now)
        self.hear(everything=True, sequence=10)
        self.wait(5.0)

    def hear(self, late: float = 0.0, **said: Any) -> None:
        self.cache.hear(Heard(sent_at=self.now - 700.0 - late, **said))

    def wait(self, seconds: float) -> None:
        """Time goes by with a heartbeat every 100 ms."""
        ends_at = self.now + seconds
        while self.now < ends_at:
            self.now = min(ends_at, self.now + 0.1)
            self.hear()

    def offer(self, given: NearAnswer | None = None, name: str = "one", followed_to: int = 10) -> bool:
        return self.cache.offer(key(name), given or answer(), asked_at=self.now, followed_to=followed_to)


@pytest.fixture
def near() -> Near:
    return Near()


def test_what_was_offered_is_served_while_the_stream_lives(near: Near) -> None:
    assert near.offer()
    near.wait(10.0)

    assert near.cache.get(key()) == b"an answer"
    assert near.cache.get(key("other")) is None


def test_nothing_is_served_or_taken_before_the_stream_has_begun_or_after_its_end(near: Near) -> None:
    near.offer()
    near.cache.lose()

    assert len(near.cache) == 0
    assert not near.offer()
    assert not NearCache(1_000_000, lambda: 0.0).offer(key(), answer(), asked_at=0.0, followed_to=99)


def test_a_silent_stream_is_not_trusted_beyond_the_window_and_its_next_word_is(near: Near) -> None:
    near.offer()
    near.now += WINDOW_SECONDS + 0.001
    assert near.cache.get(key()) is None

    near.hear()
    assert near.cache.get(key()) == b"an answer"


def test_a_word_that_came_late_says_only_how_things_were_when_it_was_sent(near: Near) -> None:
    near.offer()
    near.now += 5.0
    near.hear(late=4.9)

    assert near.cache.get(key()) is None


def test_clocks_that_drift_apart_do_not_end_it(near: Near) -> None:
    near.offer()
    for _ in range(5_000):
        near.now += 0.1
        # The replica's clock loses 100 µs a second, far more than clocks do.
        near.cache.hear(Heard(sent_at=near.now * 0.9999))

    assert near.offer()
    assert near.cache.get(key()) == b"an answer"


@pytest.mark.parametrize(
    ("said", "goes"),
    [
        ({"everything": True, "sequence": 12}, True),
        ({"hashes": (b"one",)}, True),
        ({"hashes": (b"two",)}, False),
        ({"changed": {A: 11}}, True),
        ({"changed": {A: ANY_SEQUENCE}}, True),
        ({"changed": {A: 10}}, False),
        ({"changed": {B: 11}}, False),
        ({"changed": {FAQ: 11}}, True),
        ({"changed": {("domain", "shop"): 11}}, False),
        ({"changed": {ALL_DOMAINS: 11}}, True),
        ({"added": (added("Why does TCP need a handshake?"),)}, True),
        ({"added": (added("Why does TCP need a handshake?", sequence=10),)}, False),
        ({"added": (added("Why does TCP need a handshake?", domain="shop"),)}, False),
        ({"added": (added("How is bread baked?"),)}, False),
        ({"added": (Added("faq", None, 11),)}, True),
        ({}, False),
    ],
)
def test_exactly_what_the_stream_names_goes(near: Near, said: dict[str, Any], *, goes: bool) -> None:
    near.offer()
    near.hear(**said)

    assert (near.cache.get(key()) is None) == goes


def test_an_answer_out_of_all_domains_is_touched_by_each(near: Near) -> None:
    near.offer(answer(b"x", A, ALL_DOMAINS))
    near.hear(changed={("domain", "shop"): 11})

    assert near.cache.get(key()) is None


def test_a_replica_that_knows_less_than_the_stream_is_not_believed(near: Near) -> None:
    near.hear(changed={A: 11})

    assert not near.offer(followed_to=9)
    assert not near.offer(followed_to=10)
    assert near.offer(answer(b"of b", B), followed_to=10)
    # It has followed the change, so it would not have given what the change made wrong.
    assert near.offer(followed_to=11)
    # The answer itself was worked out after the change.
    assert near.offer(answer(sequence=11), followed_to=10)


def test_what_a_lagging_replica_gives_is_held_against_what_was_added(near: Near) -> None:
    near.hear(added=(added("Why does TCP need a handshake?"),))

    assert not near.offer(followed_to=10)
    assert near.offer(answer(question="how is bread baked"), followed_to=10)
    assert near.offer(followed_to=11)


def test_a_great_many_additions_are_remembered_as_a_position(near: Near) -> None:
    near.hear(added=tuple(added("unheard of", sequence=number) for number in range(11, 400)))

    assert not near.offer(followed_to=10)
    assert near.offer(followed_to=399)


def test_two_users_never_share_an_answer(near: Near) -> None:
    mine, yours = (CacheKey("what did i say", user, (), (), "extractive") for user in ("me", "you"))
    near.cache.offer(mine, answer(b"my secret", name=b"mine"), asked_at=near.now, followed_to=10)
    near.cache.offer(yours, answer(b"your secret", name=b"yours"), asked_at=near.now, followed_to=10)

    assert (near.cache.get(mine), near.cache.get(yours)) == (b"my secret", b"your secret")
    near.hear(hashes=(b"mine",))
    assert (near.cache.get(mine), near.cache.get(yours)) == (None, b"your secret")
    assert near.cache.get(CacheKey("what did i say", "shared", (), (), "extractive")) is None


def test_after_a_person_has_invalidated_nothing_is_taken_in_until_every_replica_has_heard(near: Near) -> None:
    for said in ({"hashes": (b"two",)}, {"changed": {B: ANY_SEQUENCE}}, {"everything": True}):
        near.hear(**said)
        assert not near.offer(followed_to=99)
        near.wait(0.9)
        assert not near.offer(followed_to=99)
        near.wait(0.2)
        assert near.offer(followed_to=99)


def test_freshness_ends_and_an_old_answer_is_asked_for_again(near: Near) -> None:
    near.offer(answer(fresh=2.0))
    near.offer(answer(name=b"two", fresh=3600.0), name="two")
    near.wait(2.1)
    assert near.cache.get(key()) is None
    assert near.cache.get(key("two")) is not None
    near.wait(58.0)
    assert near.cache.get(key("two")) is None


def test_a_great_many_changes_are_remembered_as_a_position(near: Near) -> None:
    near.hear(changed={("example", str(number)): number for number in range(11, 10_100)})

    # What changed first is not remembered one by one any more.
    assert not near.offer(answer(b"x", ("example", "11")), followed_to=10)
    assert not near.offer(answer(b"x", B), followed_to=10)
    assert near.offer(answer(b"x", B), followed_to=10_099)


@settings(deadline=None)
@example([(0, 0), (0, 1)], 1_400)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3_000)), max_size=60), st.integers(0, 12_000))
def test_the_bound_holds_and_the_least_recently_used_goes(puts: list[tuple[int, int]], bound: int) -> None:
    near = Near(bound)
    for number, size in puts:
        name = str(number)
        offered = answer(bytes(size), A, FAQ, name=name.encode())
        assert near.offer(offered, name=name) == (offered.size <= bound)
        assert near.cache.size <= bound
        assert (near.cache.get(key(name)) is not None) == (offered.size <= bound)
    near.hear(changed={A: 11})
    assert (len(near.cache), near.cache.size) == (0, 0)
    assert not near.cache._by_source
    assert not near.cache._by_hash
