import uuid

from hypothesis import given
from hypothesis import strategies as st

from servicekit.identifiers import EntropyPool, derived_id, new_id, new_request_id

NANOSECONDS = st.integers(min_value=0, max_value=(1 << 48) * 1_000_000 - 1)


@given(NANOSECONDS)
def test_an_id_is_a_uuid_of_version_7(now_ns: int) -> None:
    made = uuid.UUID(new_id(clock_ns=lambda: now_ns))

    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == now_ns // 1_000_000


@given(NANOSECONDS, st.integers(min_value=250, max_value=10**12))
def test_ids_sort_by_their_time(now_ns: int, later_ns: int) -> None:
    first = new_id(clock_ns=lambda: now_ns, entropy=lambda size: b"\xff" * size)
    second = new_id(clock_ns=lambda: now_ns + later_ns, entropy=lambda size: b"\x00" * size)

    assert first < second or now_ns + later_ns >= (1 << 48) * 1_000_000


def test_ids_of_one_moment_differ() -> None:
    assert len({new_id(clock_ns=lambda: 0) for _ in range(100)}) == 100


@given(st.text(), st.text())
def test_a_repeated_request_makes_the_same_id_of_the_same_content(request_id: str, content: str) -> None:
    made = uuid.UUID(derived_id(request_id, content))

    assert made.variant == uuid.RFC_4122
    assert str(made) == derived_id(request_id, content)
    assert len({str(made), derived_id(request_id + "x", content), derived_id(request_id, content + "x")}) == 3


@given(NANOSECONDS)
def test_a_derived_id_keeps_the_time_of_a_time_ordered_request_id(now_ns: int) -> None:
    made = uuid.UUID(derived_id(new_id(clock_ns=lambda: now_ns), "content"))

    assert made.version == 7
    assert made.int >> 80 == now_ns // 1_000_000
    assert uuid.UUID(derived_id("any other", "content")).version == 8


def test_a_request_id_is_sixteen_hexadecimal_digits() -> None:
    assert new_request_id(entropy=lambda size: b"\xab" * size) == "ab" * 8


def test_a_pool_gives_no_byte_twice_and_asks_seldom() -> None:
    drawn: list[int] = []

    def draw(count: int) -> bytes:
        drawn.append(count)
        return bytes((len(drawn) * 10 + n) % 256 for n in range(count))

    pool = EntropyPool(draw, 8)
    given = [pool(3), pool(5), pool(2), pool(20)]

    assert given == [bytes([10, 11, 12]), bytes([13, 14, 15, 16, 17]), bytes([20, 21]), bytes(range(30, 50))]
    assert drawn == [8, 8, 20]
