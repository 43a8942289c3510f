"""The journal of an earlier version, which lay in the replica's folder itself."""

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry

from dataset_svc.fallback_journals import own_journal
from servicekit.journal import Entry, Journal, Replayer

NAME = "bank-journal.db"


async def ids(journal: Journal) -> list[str]:
    return [entry.entry_id for entry in await journal.pending()]


async def test_what_waits_in_an_earlier_versions_journal_is_taken_over_once(tmp_path: Path) -> None:
    async with Journal(tmp_path / NAME) as old:
        for number in range(3):
            await old.append(f"feedback:{number}", "feedback", b"{}")
    async with own_journal(tmp_path) as journal:
        assert await ids(journal) == ["feedback:0", "feedback:1", "feedback:2"]
    assert await asyncio.to_thread(lambda: list(tmp_path.glob(f"{NAME}*"))) == []
    async with own_journal(tmp_path) as journal:
        assert journal.count == 3


async def test_what_an_earlier_version_has_buried_stays_where_a_person_finds_it(tmp_path: Path) -> None:
    async def never(_: Entry) -> None:
        raise ValueError("It cannot be applied.")

    async with Journal(tmp_path / NAME) as old:
        await old.append("feedback:1", "feedback", b"{}")
        await Replayer(old, never, CollectorRegistry(), max_attempts=1).replay()
    async with own_journal(tmp_path) as journal:
        assert journal.count == 0
    async with Journal(tmp_path / NAME) as old:
        assert len(await old.dead()) == 1
