"""What this gateway answered last, bounded in bytes."""

from gateway.chat.model import CacheKey
from gateway.last_answers import LastAnswers


def key(question: str) -> CacheKey:
    return CacheKey(question, "shared", (), (), "extractive")


def test_what_was_put_is_found_until_it_is_dropped() -> None:
    store = LastAnswers(10_000)
    store.put(key("a"), b"1")
    store.put(key("a"), b"2")

    assert store.get(key("a")) == b"2"
    assert len(store) == 1
    store.drop(key("a"))
    store.drop(key("a"))
    assert store.get(key("a")) is None


def test_the_least_recently_used_goes_first() -> None:
    store = LastAnswers(3 * 1600)
    for name in "abc":
        store.put(key(name), bytes(1000))
    store.get(key("a"))
    store.put(key("d"), bytes(1000))

    assert [name for name in "abcd" if store.get(key(name)) is not None] == ["a", "c", "d"]


def test_the_bound_holds_whatever_comes_and_goes() -> None:
    store = LastAnswers(50_000)
    for number in range(1000):
        store.put(key(str(number % 70)), bytes(number * 37 % 3000))
        if number % 3 == 0:
            store.drop(key(str(number % 50)))

    held = [store.get(key(str(number))) for number in range(70)]
    assert 0 < sum(len(value) for value in held if value is not None) <= 50_000


def test_what_is_larger_than_the_store_is_not_kept() -> None:
    store = LastAnswers(1000)
    store.put(key("a"), b"small")
    store.put(key("b"), bytes(2000))
    store.put(key("a"), bytes(2000))

    assert len(store) == 0
    empty = LastAnswers(0)
    empty.put(key("a"), b"")
    assert len(empty) == 0


def test_clearing_forgets_everything() -> None:
    store = LastAnswers(10_000)
    store.put(key("a"), b"1")
    store.clear()
    store.put(key("b"), bytes(9000))

    assert store.get(key("a")) is None
    assert store.get(key("b")) is not None
