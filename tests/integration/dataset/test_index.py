import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dataset_svc.errors import ExampleNotFound, IndexDamaged
from dataset_svc.index import TantivyIndex
from dataset_svc.model import Change, ChangeKind, Example, SearchHit, SearchQuery
from servicekit.errors import ConfigurationError, Unavailable
from tests.support.bank_stores import example

HEAP_BYTES = 15_000_000


@asynccontextmanager
async def opened(directory: Path, *examples: Example, sequence: int = 0) -> AsyncIterator[TantivyIndex]:
    index = await TantivyIndex.open(directory, heap_bytes=HEAP_BYTES)
    try:
        if index.sequence < 0:
            await index.replace(snapshot(sequence, list(examples)))
        yield index
    finally:
        await index.close()


async def snapshot(sequence: int, *batches: list[Example]) -> AsyncIterator[tuple[int, list[Example]]]:
    for batch in batches:
        yield sequence, batch


def the_file(directory: Path, pattern: str) -> Path:
    """The only file of a pattern."""
    [path] = directory.glob(pattern)
    return path


def change(sequence: int, state: Example | None, example_id: str = "") -> Change:
    kind = ChangeKind.DELETED if state is None else ChangeKind.UPDATED
    return Change(sequence, kind, example_id or (state.id if state else ""), "physics", state)


async def search(index: TantivyIndex, text: str, **fields: object) -> list[SearchHit]:
    [hits] = await index.search([SearchQuery(text, **fields)])  # type: ignore[arg-type]  # fields of a test's choice
    return hits


async def test_a_new_index_asks_for_a_snapshot_and_answers_nothing_before(tmp_path: Path) -> None:
    index = await TantivyIndex.open(tmp_path, heap_bytes=HEAP_BYTES)
    try:
        assert index.sequence == -1
        with pytest.raises(Unavailable):
            await search(index, "light")
        await index.replace(snapshot(7, [example(1)], [example(2)]))
        assert (index.sequence, index.documents) == (7, 2)
    finally:
        await index.close()


async def test_what_was_applied_is_there_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await index.apply([change(1, example(1)), change(2, example(2))], sequence=2)
        await index.apply([change(3, None, example(1).id)], sequence=3)
    async with opened(tmp_path) as index:
        assert index.sequence == 3
        assert await index.list("", "", 10) == [example(2)]
        with pytest.raises(ExampleNotFound):
            await index.get(example(1).id)


async def test_the_same_changes_twice_change_nothing(tmp_path: Path) -> None:
    changes = [change(number, example(number)) for number in range(1, 20)]
    async with opened(tmp_path) as index:
        for _ in range(2):
            await index.apply(changes, sequence=19)

        assert index.documents == 19
        assert await index.domains() == {"physics": 19}


async def test_a_crash_between_commit_and_cursor_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await index.apply([change(1, example(1))], sequence=1)
        cursor = the_file(tmp_path, "replica-1/*/cursor.json")
        before = cursor.read_bytes()
        await index.apply([change(2, example(2)), change(3, None, example(1).id)], sequence=3)
    cursor.write_bytes(before)
    async with opened(tmp_path) as index:
        assert index.sequence == 1
        await index.apply([change(2, example(2)), change(3, None, example(1).id)], sequence=3)

        assert await index.list("", "", 10) == [example(2)]


async def test_a_crash_in_the_middle_of_a_commit_loses_and_damages_nothing(tmp_path: Path) -> None:
    rows = [example(number) for number in range(1, 5)]
    changes = [change(2, None, rows[0].id)]
    async with opened(tmp_path, *rows, sequence=1):
        pass
    async with opened(tmp_path) as index:
        commit = the_file(tmp_path, "replica-1/*/meta.json")
        cursor = the_file(tmp_path, "replica-1/*/cursor.json")
        before = commit.read_bytes(), cursor.read_bytes()
        await index.apply(changes, sequence=2)
    # What was deleted is on the disk under the name that the same commit gives it again.
    the_file(tmp_path, "replica-1/*/*.del")
    commit.write_bytes(before[0])
    cursor.write_bytes(before[1])
    async with opened(tmp_path) as index:
        await index.apply(changes, sequence=2)

        assert await index.list("", "", 10) == rows[1:]


async def test_what_waits_in_a_journal_is_kept_though_the_index_breaks_at_the_start(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1)):
        pass
    index = await TantivyIndex.open(tmp_path, heap_bytes=HEAP_BYTES)
    try:
        the_file(tmp_path, "replica-1/*/meta.json").write_bytes(b"{}")
        await index.restore([example(2)], [])
        assert index.sequence < 0

        await index.replace(snapshot(1, [example(1)]))

        assert await index.list("", "", 10) == [example(1), example(2)]
    finally:
        await index.close()


async def test_a_local_write_is_seen_at_once_and_the_cursor_stays(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await index.apply_local([example(1)], [])
        assert [hit.example for hit in await search(index, "number 1")] == [example(1)]
        assert index.sequence == 0
        await index.apply_local([], [example(1).id])
        assert await search(index, "number 1") == []


async def test_local_writes_at_the_same_time_are_all_seen(tmp_path: Path) -> None:
    async with opened(tmp_path) as index:
        await asyncio.gather(*(index.apply_local([example(number)], []) for number in range(50)))

        assert index.documents == 50


async def test_an_older_change_of_the_feed_does_not_undo_a_local_write(tmp_path: Path) -> None:
    old, new = example(1, update_time=10.0), example(1, prompt="Newer?", update_time=20.0)
    async with opened(tmp_path, old) as index:
        await index.apply_local([new], [])
        await index.apply([change(1, old)], sequence=1)
        assert await index.get(new.id) == new
        await index.apply([change(2, new)], sequence=2)
        newest = example(1, prompt="Newest?", update_time=15.0)
        await index.apply([change(3, newest)], sequence=3)

        assert await index.get(new.id) == newest, "once the feed has brought it, the feed decides"


async def test_an_older_change_of_the_feed_does_not_bring_a_deleted_example_back(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1)) as index:
        await index.apply_local([], [example(1).id])
        await index.apply([change(1, example(1))], sequence=1)
        assert index.documents == 0


async def test_a_snapshot_keeps_what_this_replica_wrote_beyond_it(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1), example(2)) as index:
        edited = example(2, prompt="Edited here?", update_time=2_000_000_000.0)
        await index.apply_local([example(3), edited], [example(1).id])
        await index.replace(snapshot(5, [example(1), example(2), example(4)]))

        assert await index.list("", "", 10) == [edited, example(3), example(4)]


async def test_reads_go_on_while_a_new_index_is_built(tmp_path: Path) -> None:
    building, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[tuple[int, list[Example]]]:
        yield 9, [example(2)]
        building.set()
        await go_on.wait()

    async with opened(tmp_path, example(1)) as index:
        replacing = asyncio.create_task(index.replace(slow()))
        await building.wait()
        assert await index.get(example(1).id) == example(1)
        go_on.set()
        await replacing
        assert await index.list("", "", 10) == [example(2)]
    assert the_file(tmp_path, "replica-1/*/meta.json").parent.name == "2", "the old generation is gone"


@pytest.mark.parametrize("ending", ["store", "term", "fast", "idx"])
async def test_a_damaged_file_is_found_at_start(tmp_path: Path, ending: str) -> None:
    async with opened(tmp_path, example(1)):
        pass
    path = the_file(tmp_path, f"replica-1/*/*.{ending}")
    content = bytearray(path.read_bytes())
    content[3] ^= 0xFF
    path.write_bytes(content)
    async with opened(tmp_path, example(1), sequence=4) as index:
        assert (index.sequence, index.documents) == (4, 1)


@pytest.mark.parametrize("name", ["current.json", "*/cursor.json", "*/meta.json", "*/*.store"])
@pytest.mark.parametrize("damage", ["gone", "empty", "rubbish"])
async def test_whatever_is_gone_or_broken_the_index_is_built_anew(
    tmp_path: Path, name: str, damage: str
) -> None:
    async with opened(tmp_path, example(1)):
        pass
    path = the_file(tmp_path, f"replica-1/{name}")
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if damage == "empty" else b"[1, 2")
    async with opened(tmp_path, example(1), sequence=4) as index:
        assert (index.sequence, index.documents) == (4, 1)


async def test_an_index_of_another_format_is_built_anew(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1)):
        pass
    marker = tmp_path / "replica-1" / "current.json"
    marker.write_text(json.dumps(json.loads(marker.read_text()) | {"format": 0}))
    async with opened(tmp_path, sequence=4) as index:
        assert index.sequence == 4


async def test_an_index_that_breaks_while_it_is_used_asks_for_a_snapshot(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1)) as index:
        await index.rest()
        the_file(tmp_path, "replica-1/*/meta.json").write_bytes(b"rubbish")
        with pytest.raises(IndexDamaged):
            await index.apply([change(1, example(2))], sequence=1)
        assert index.sequence == -1
        assert await index.get(example(1).id) == example(1), "what is open goes on"
        await index.replace(snapshot(3, [example(1), example(2)]))
        assert (index.sequence, index.documents) == (3, 2)


async def test_replicas_that_share_a_volume_have_an_index_each(tmp_path: Path) -> None:
    async with opened(tmp_path, example(1)) as one, opened(tmp_path, example(2)) as other:
        assert await one.list("", "", 10) == [example(1)]
        assert await other.list("", "", 10) == [example(2)]
    async with opened(tmp_path) as again:
        assert await again.list("", "", 10) == [example(1)]


async def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="MCAI_DATA_DIR"):
        await TantivyIndex.open(tmp_path / "file" / "index", heap_bytes=HEAP_BYTES)


async def test_pages_follow_the_ids_whatever_they_look_like(tmp_path: Path) -> None:
    ids = ["", "0190-a", "0190-b", "A", "a", "aa", "b\u00e9", "zz", "zzz", "\u4f60"]
    examples = [example(number, id=example_id) for number, example_id in enumerate(ids) if example_id]
    async with opened(tmp_path, *reversed(examples)) as index:
        assert [each.id for each in await index.list("", "", 100)] == sorted(ids)[1:]
        assert [each.id for each in await index.list("", "aa", 2)] == ["b\u00e9", "zz"]


async def test_pages_tile_a_domain_while_rows_come_and_go(tmp_path: Path) -> None:
    rows = [example(number, domain="even" if number % 2 == 0 else "odd") for number in range(1_500)]
    async with opened(tmp_path, *rows) as index:
        seen: list[str] = []
        while page := await index.list("odd", seen[-1] if seen else "", 31):
            seen += [each.id for each in page]
            await index.apply_local([example(len(seen), id="aaa", domain="odd")], [])
        assert seen == [each.id for each in rows if each.domain == "odd"]


@given(text=st.text(max_size=200))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_no_text_breaks_a_search(tmp_path: Path, text: str) -> None:
    async with opened(tmp_path, example(1)) as index:
        for hit in await search(index, text, want_snippets=True, want_explanation=True):
            assert 0.0 <= hit.confidence <= 1.0
