import asyncio
import sqlite3
from pathlib import Path

import pytest

from servicekit.errors import ConfigurationError, StoreUnavailable
from servicekit.journal import Journal
from servicekit.sqlite import JournalFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journals" / "messages.journal"


async def ids(journal: Journal) -> list[str]:
    return [entry.entry_id for entry in await journal.pending()]


async def test_entries_come_back_in_their_order_and_as_they_were(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.append("b", "message", b"\x00one")
        await journal.append("a", "feedback", b"")

        first, second = await journal.pending()

        assert (first.entry_id, first.kind, first.payload, first.attempts) == ("b", "message", b"\x00one", 0)
        assert (second.entry_id, second.kind, second.payload) == ("a", "feedback", b"")
        assert first.sequence < second.sequence
        assert journal.count == 2
        assert await journal.pending(limit=1) == [first]


async def test_an_id_that_is_waiting_is_not_written_again(path: Path) -> None:
    async with Journal(path) as journal:
        await asyncio.gather(*(journal.append("a", "message", payload) for payload in (b"1", b"2", b"3")))
        await journal.append("a", "message", b"4")

        assert [entry.payload for entry in await journal.pending()] == [b"1"]
        assert journal.count == 1


async def test_marking_nothing_changes_nothing(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.append("a", "message", b"")
        await journal.mark_applied([])
        assert journal.count == 1


async def test_what_is_applied_goes_and_its_number_is_not_used_again(path: Path) -> None:
    async with Journal(path) as journal:
        for name in "abc":
            await journal.append(name, "message", b"")
        last = (await journal.pending())[-1].sequence

        await journal.mark_applied(["a", "c", "unknown"])
        assert await ids(journal) == ["b"]
        assert journal.count == 1
        await journal.append("d", "message", b"")

        assert (await journal.pending())[-1].sequence > last


async def test_it_is_all_there_after_a_reopening(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.append("a", "message", b"1")
        await journal.count_attempt("a")
    async with Journal(path) as journal:
        (entry,) = await journal.pending()
        assert (entry.entry_id, entry.attempts, journal.count) == ("a", 1, 1)


async def test_the_dead_are_kept_with_their_reason(path: Path) -> None:
    async with Journal(path) as journal:
        await journal.append("a", "message", b"1")
        await journal.append("b", "message", b"2")

        await journal.bury("a", "The dataset does not exist.")
        await journal.bury("unknown", "x")

        assert await ids(journal) == ["b"]
        assert journal.count == 1
        (dead,) = await journal.dead()
        assert (dead.entry.entry_id, dead.entry.payload, dead.reason) == (
            "a",
            b"1",
            "The dataset does not exist.",
        )


async def test_many_writers_share_few_commits(path: Path) -> None:
    async with Journal(path) as journal:
        heard: list[None] = []
        journal.on_append(lambda: heard.append(None))

        await asyncio.gather(*(journal.append(f"{n:03}", "message", b"x") for n in range(200)))

        assert await ids(journal) == [f"{n:03}" for n in range(100)]
        assert (journal.count, len(heard)) == (200, 200)


async def test_a_writer_who_leaves_takes_nobody_with_it(path: Path) -> None:
    async with Journal(path) as journal:
        staying = asyncio.create_task(journal.append("a", "message", b""))
        leaving = asyncio.create_task(journal.append("b", "message", b""))
        await asyncio.sleep(0)
        leaving.cancel()

        await staying
        assert "a" in await ids(journal)


async def test_appends_in_progress_are_finished_by_the_closing(path: Path) -> None:
    async with Journal(path) as journal:
        task = asyncio.create_task(journal.append("a", "message", b""))
        await asyncio.sleep(0)
    await task
    async with Journal(path) as journal:
        assert await ids(journal) == ["a"]


async def test_an_append_that_cannot_be_kept_is_refused(path: Path) -> None:
    async with Journal(path) as journal:
        with sqlite3.connect(path) as other:
            other.execute("DROP TABLE entries")
        other.close()

        with pytest.raises(StoreUnavailable, match="cannot be used"):
            await journal.append("a", "message", b"")
        assert journal.count == 0


@pytest.mark.parametrize("damage", [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_told_and_left_alone(path: Path, damage: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(damage)

    with pytest.raises(ConfigurationError, match="damaged") as raised:
        JournalFile(path)

    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)
    assert path.read_bytes() == damage


def test_a_damaged_page_is_noticed_at_the_start(path: Path) -> None:
    file = JournalFile(path)
    file.append([(str(n), "message", b"x" * 1000) for n in range(50)])
    file.close()
    raw = bytearray(path.read_bytes())
    raw[4096 * 5 : 4096 * 6] = b"\xa5" * 4096
    path.write_bytes(raw)

    with pytest.raises(ConfigurationError, match="damaged"):
        JournalFile(path)


async def test_a_newer_version_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()

    with pytest.raises(ConfigurationError, match="newer version"):
        await Journal(path).open()


def test_an_unwritable_directory_is_told() -> None:
    with pytest.raises(ConfigurationError, match="writable"):
        JournalFile(Path("/proc/mcai/messages.journal"))


async def test_a_file_where_the_directory_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")

    with pytest.raises(ConfigurationError, match="writable"):
        await Journal(tmp_path / "x" / "messages.journal").open()


async def test_a_journal_that_is_not_open_says_so(path: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await Journal(path).pending()


def test_every_commit_reaches_the_disk(path: Path) -> None:
    file = JournalFile(path)
    try:
        assert file._connection.execute("PRAGMA synchronous").fetchone() == (2,), "2 is FULL"
        assert file._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        file.close()
