"""The cache follows the bank: a change ends exactly what it touches, and no gap goes unnoticed."""

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from mcai.dataset.v1.bank_pb2 import CHANGE_KIND_CREATED, CHANGE_KIND_DELETED, CHANGE_KIND_UPDATED, ChangeKind
from mcai.knowledge.v1 import knowledge_pb2 as pb
from tests.support.knowledge_replica import Replica, cache_key, replica
from tests.support.scripted_bank import ScriptedBank, serving
from tests.support.waiting import eventually

ON_A, ON_B, IN_SHOP, NOTHING = (cache_key(text) for text in ("on a", "on b", "in shop", "nothing"))


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[tuple[ScriptedBank, str]]:
    scripted = ScriptedBank(head=10)  # type: ignore[abstract]  # the calls it leaves out are never made
    async with serving(scripted, tmp_path) as target:
        yield scripted, target


@pytest.fixture
async def following(bank: tuple[ScriptedBank, str], tmp_path: Path) -> AsyncIterator[Replica]:
    async with replica(tmp_path, "follower", dataset_target=bank[1]) as started:
        await caught_up(started, 10)
        await started.fill(ON_A, built_on=("a",), domains=("faq",), sequence=10)
        await started.fill(ON_B, built_on=("b",), domains=("faq",), sequence=10)
        await started.fill(IN_SHOP, built_on=("c",), domains=("shop",), sequence=10)
        await started.fill(NOTHING, kind=pb.ENTRY_KIND_NEGATIVE, domains=("shop",), sequence=10)
        yield started


async def caught_up(one: Replica, sequence: int) -> None:
    async def there() -> bool:
        return (await one.stats()).bank_sequence == sequence

    await eventually(there)


async def left(one: Replica) -> list[pb.CacheKey]:
    keys = (ON_A, ON_B, IN_SHOP, NOTHING)
    return [key for key in keys if (await one.look(key, lease=False)).tier != pb.CACHE_TIER_MISS]


@pytest.mark.parametrize(
    ("kind", "example", "stays"),
    [
        (CHANGE_KIND_UPDATED, "a", [ON_B, IN_SHOP]),
        (CHANGE_KIND_DELETED, "a", [ON_B, IN_SHOP, NOTHING]),
        (CHANGE_KIND_CREATED, "new", [ON_A, ON_B, IN_SHOP]),
    ],
)
async def test_a_change_ends_exactly_what_it_touches(
    bank: tuple[ScriptedBank, str],
    following: Replica,
    kind: "ChangeKind.ValueType",
    example: str,
    stays: list[pb.CacheKey],
) -> None:
    await bank[0].change((kind, example))
    await caught_up(following, 11)

    assert await eventually(lambda: is_left(following, stays))


async def test_an_addition_marks_only_what_it_could_improve(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].change((CHANGE_KIND_CREATED, "b"))
    await caught_up(following, 11)

    await eventually(lambda: is_stale(following, [ON_B]))
    renewing = await following.look(ON_B)
    assert await following.fill(
        ON_B, b"better", token=renewing.lease.token, built_on=("b",), domains=("faq",), sequence=11
    )
    assert await is_stale(following, [])


async def test_what_an_addition_marked_is_marked_after_a_restart(
    bank: tuple[ScriptedBank, str], tmp_path: Path
) -> None:
    async with replica(tmp_path, "follower", dataset_target=bank[1]) as before:
        await caught_up(before, 10)
        await before.fill(ON_A, built_on=("a",), domains=("faq",), sequence=10)
        await before.fill(ON_B, built_on=("b",), domains=("faq",), sequence=10)
        await bank[0].change((CHANGE_KIND_CREATED, "b"))
        await caught_up(before, 11)
    async with replica(tmp_path, "follower", dataset_target=bank[1]) as after:
        await caught_up(after, 11)
        assert await eventually(lambda: is_stale(after, [ON_B]))


async def is_stale(one: Replica, expected: list[pb.CacheKey]) -> bool:
    stale = [key for key in (ON_A, ON_B, IN_SHOP) if (await one.look(key, lease=False)).stale]
    assert stale == expected
    return True


async def is_left(one: Replica, stays: list[pb.CacheKey]) -> bool:
    assert await left(one) == stays
    return True


async def test_a_large_import_marks_all_of_its_domain_at_once(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].change(*((CHANGE_KIND_CREATED, f"new{number}") for number in range(5_000)))
    await caught_up(following, 5_010)

    await eventually(lambda: is_left(following, [ON_A, ON_B, IN_SHOP]))
    await eventually(lambda: is_stale(following, [ON_A, ON_B]))


async def test_a_great_many_edits_at_once_end_everything(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].change(*((CHANGE_KIND_UPDATED, f"old{number}") for number in range(5_000)))
    await caught_up(following, 5_010)

    await eventually(lambda: is_left(following, []))


async def test_a_fill_that_knows_less_than_the_feed_is_refused(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].change((CHANGE_KIND_UPDATED, "a"))
    await caught_up(following, 11)

    assert not await following.fill(ON_A, built_on=("a",), domains=("faq",), sequence=10)
    assert await following.fill(ON_A, built_on=("a",), domains=("faq",), sequence=11)


async def test_a_lost_stream_is_taken_up_where_it_broke_off(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].break_off()
    await bank[0].change((CHANGE_KIND_UPDATED, "a"))
    assert await left(following) == [ON_A, ON_B, IN_SHOP, NOTHING]

    bank[0].mend()
    await caught_up(following, 11)

    await eventually(lambda: is_left(following, [ON_B, IN_SHOP]))
    assert set(bank[0].followed_from) == {10}


async def test_what_changed_while_the_service_was_down_is_followed_after_its_start(
    bank: tuple[ScriptedBank, str], tmp_path: Path
) -> None:
    async with replica(tmp_path, "follower", dataset_target=bank[1]) as before:
        await bank[0].change((CHANGE_KIND_UPDATED, "other"))
        await caught_up(before, 11)
        await before.fill(ON_A, built_on=("a",), sequence=11)
        await before.fill(ON_B, built_on=("b",), sequence=11)
    await bank[0].change((CHANGE_KIND_UPDATED, "a"))

    async with replica(tmp_path, "follower", dataset_target=bank[1]) as after:
        await caught_up(after, 12)
        await eventually(lambda: is_left(after, [ON_B]))


async def test_a_feed_that_does_not_go_back_so_far_ends_everything(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].break_off()
    await bank[0].change((CHANGE_KIND_UPDATED, "x"), (CHANGE_KIND_UPDATED, "y"))
    bank[0].forget_before(13)

    bank[0].mend()
    await caught_up(following, 12)

    await eventually(lambda: is_left(following, []))
    assert await following.fill(ON_A, built_on=("a",), sequence=12)


async def test_a_bank_that_was_replaced_ends_everything(
    bank: tuple[ScriptedBank, str], following: Replica
) -> None:
    await bank[0].break_off()
    bank[0].changes.clear()
    bank[0].head = 3

    bank[0].mend()
    await caught_up(following, 3)

    await eventually(lambda: is_left(following, []))


async def test_replicas_that_share_redis_each_follow_the_bank(
    bank: tuple[ScriptedBank, str], redis_url: str, tmp_path: Path
) -> None:
    async with (
        replica(tmp_path, "one", redis_url=redis_url, dataset_target=bank[1]) as one,
        replica(tmp_path, "other", redis_url=redis_url, dataset_target=bank[1]) as other,
    ):
        for each in (one, other):
            await caught_up(each, 10)
        # A replica that knew no place has cleared Redis; that is behind both once each has followed a change.
        await bank[0].change((CHANGE_KIND_DELETED, "other"))
        for each in (one, other):
            await caught_up(each, 11)
        assert await one.fill(ON_A, built_on=("a",), sequence=11)
        assert await one.fill(ON_B, built_on=("b",), sequence=11)
        await other.look(ON_A)

        await bank[0].change((CHANGE_KIND_UPDATED, "a"))

        for each in (one, other):
            await eventually(partial(is_left, each, [ON_B]))
        async with replica(tmp_path, "late", redis_url=redis_url, dataset_target=bank[1]) as late:
            await caught_up(late, 12)
            assert await eventually(lambda: is_left(late, [ON_B]))
