"""What every bank must do for the commands, whichever way they reach it."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
import pytest_asyncio

from mcai_cli.errors import CommandError
from mcai_cli.gateway_bank import gateway_bank
from mcai_cli.ports import Bank, Dataset
from mcai_cli.reading.model import Row
from mcai_cli.service_bank import database_bank, directory_bank
from tests.support.gateway_house import gateway_house
from tests.support.memory_bank import MemoryBank

METADATA = '{"n": 9007199254740993, "half": 1.50, "a": ["\u2028", "é🍵"]}'
ROWS = [
    Row("What is oak?", "A tree.\nIt has acorns.\u0085", "t:1", "trees", METADATA),
    Row("What is ash?", "A tree.", "t:2", "trees"),
    Row("", "No question.", "t:3", "trees"),
    Row("What is oak?", "A tree.\nIt has acorns.\u0085", "t:4", "trees"),
    Row("What is pine?", "A tree that stays green 🌲", "t:5", "conifers & kin"),
]


PAIRS = [(row.domain, row.prompt, row.response, row.metadata_json) for row in ROWS]


@pytest_asyncio.fixture(params=["memory", "directory", "postgres", "gateway"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bank]:
    if request.param == "memory":
        yield MemoryBank()
    elif request.param == "directory":
        async with directory_bank(tmp_path / "data", starter=False) as found:
            yield found
    elif request.param == "postgres":
        async with database_bank(request.getfixturevalue("postgres_url")) as found:
            yield found
    else:
        async with gateway_house(with_rows=False) as house, gateway_bank(house.listener.url, {}) as found:
            yield found


async def batches(*rows: Sequence[Row]) -> AsyncIterator[Sequence[Row]]:
    for each in rows:
        yield each


async def held(bank: Bank, domain: str) -> list[tuple[str, str, str, str]]:
    return [
        (row.domain, row.prompt, row.response, row.metadata_json)
        async for rows in bank.export(domain)
        for row in rows
    ]


async def test_rows_are_stored_to_the_letter_and_counted(bank: Bank) -> None:
    report = await bank.add("one", 0, batches(ROWS[:2], [], ROWS[2:]))

    assert (report.read, report.added, report.duplicates, report.rejected) == (5, 3, 1, 1)
    assert [(each.origin, bool(each.reason)) for each in report.rejections] == [("t:3", True)]
    assert await held(bank, "trees") == PAIRS[:2]
    assert await held(bank, "conifers & kin") == [PAIRS[4]]
    assert [(each.domain, each.example_count) for each in await bank.datasets()] == [
        ("conifers & kin", 1),
        ("trees", 2),
    ]


async def test_an_import_goes_on_where_it_stands_and_settles_no_row_twice(bank: Bank) -> None:
    unknown = await bank.next_row("one")
    await bank.add("one", 0, batches(ROWS[:3]))
    settled = await bank.next_row("one")
    rest = await bank.add("one", 3, batches(ROWS[3:]))
    everything = await bank.add("one", 0, batches(ROWS))

    assert (unknown, settled) == (0, 3)
    for report in (rest, everything):
        assert (report.read, report.added, report.duplicates, report.rejected) == (5, 3, 1, 1)
        assert [each.origin for each in report.rejections] == ["t:3"]
    assert await held(bank, "trees") == PAIRS[:2]


async def test_an_import_may_leave_no_row_out(bank: Bank) -> None:
    with pytest.raises(CommandError, match=r"(?i)row"):
        await bank.add("one", 7, batches(ROWS))
    assert await bank.datasets() == []


async def test_an_empty_import_adds_nothing(bank: Bank) -> None:
    report = await bank.add("one", 0, batches([], []))

    assert (report.read, report.added) == (0, 0)


async def test_a_dataset_is_created_with_its_rules(bank: Bank) -> None:
    await bank.create(Dataset("rules", description="Kept for a week.", retention_days=7))

    assert await bank.datasets() == [Dataset("rules", 0, "Kept for a week.", 7)]
    with pytest.raises(CommandError):
        await bank.create(Dataset("rules"))


async def test_exporting_an_unknown_domain_is_refused(bank: Bank) -> None:
    with pytest.raises(CommandError):
        await held(bank, "nowhere")
