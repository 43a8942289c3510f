"""What every store of keys must do, run against each."""

from dataclasses import replace

import pytest

from dataset_svc.errors import KeyExists, KeyNotFound
from dataset_svc.model import ApiKey
from dataset_svc.ports import Keys
from tests.support.bank_stores import BankStore


@pytest.fixture
def keys(bank_store: BankStore) -> Keys:
    return bank_store.keys


def key(number: int) -> ApiKey:
    return ApiKey(
        id=f"k-{number:04}",
        name=f"laptop {number}",
        prefix="mcai_abcdefg",
        secret_sha256=bytes([number]) * 32,
        scopes=("chat", "bank:write"),
        user_id="ada",
        create_time=1_700_000_000.5 + number,
        expire_time=None if number % 2 else 1_900_000_000.25,
    )


async def test_what_is_stored_is_what_is_listed(keys: Keys) -> None:
    for number in (2, 1, 3):
        assert await keys.create_key(key(number)) == key(number)

    assert await keys.list_keys("", 2) == [key(1), key(2)]
    assert await keys.list_keys("k-0002", 2) == [key(3)]


async def test_a_repeated_creation_changes_nothing(keys: Keys) -> None:
    await keys.create_key(key(1))

    assert await keys.create_key(replace(key(1), name="another", secret_sha256=b"x" * 32)) == key(1)
    assert await keys.list_keys("", 10) == [key(1)]


async def test_a_secret_belongs_to_one_key(keys: Keys) -> None:
    await keys.create_key(key(1))

    with pytest.raises(KeyExists):
        await keys.create_key(replace(key(1), id="k-0009"))


async def test_a_key_is_revoked_once(keys: Keys) -> None:
    await keys.create_key(key(1))

    revoked = replace(key(1), revoke_time=1_800_000_000.5)
    assert await keys.revoke_key("k-0001", 1_800_000_000.5) == revoked
    assert await keys.revoke_key("k-0001", 1_800_000_009.0) == revoked
    assert await keys.list_keys("", 10) == [revoked]


async def test_an_unknown_key_cannot_be_revoked(keys: Keys) -> None:
    with pytest.raises(KeyNotFound):
        await keys.revoke_key("k-none", 1.0)
