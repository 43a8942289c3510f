"""What nobody keeps is removed, and nothing else, on a real store and real files, with a clock in hand."""

import os
from pathlib import Path

import pytest

from task_svc.artifacts import local_artifacts
from task_svc.errors import StoreUnavailable
from task_svc.fallback import PatientStore
from task_svc.model import UNBOUNDED, Artifact, MadeFile, Product, Task, TaskKind, TaskState
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase
from task_svc.sweeper import GRACE_SECONDS, Sweeper

DAY = 86_400.0
NOW = 1_000_000_000.0


class House:
    """A store and a directory of artefacts whose times the test sets."""

    def __init__(self, store: SqliteTaskStore, root: Path) -> None:
        self.store = store
        self.root = root
        self.artifacts = local_artifacts(root)

    async def ended(self, name: str, content: bytes, end_time: float) -> None:
        """A task that ended, and what it made."""
        await self.store.submit(Task(name, TaskKind.ART, "", "{}", 5, end_time, end_time), UNBOUNDED)
        task = await self.store.claim(name, "w", end_time)
        assert task is not None
        await self.store.succeed(name, 1, [await self.stored(content, end_time)], "{}", end_time)

    async def stored(self, content: bytes, at: float) -> Artifact:
        """An artefact that no task names."""
        with self.artifacts.scratch() as directory:
            (directory / "x").write_bytes(content)
            made = MadeFile("x", "text/plain", directory / "x")
            (artifact,) = await self.artifacts.adopt(Product((made,)))
        os.utime(self.root / artifact.sha256[:2] / artifact.sha256, (at, at))
        return artifact

    def contents(self) -> set[bytes]:
        return {path.read_bytes() for path in self.root.glob("??/*")}

    async def swept(self) -> None:
        await Sweeper(PatientStore(self.store, 1), self.artifacts, DAY, 3600, lambda: NOW).round()


@pytest.fixture
async def house(tmp_path: Path) -> House:
    return House(
        SqliteTaskStore(await SqliteDatabase.open(tmp_path / "t.sqlite"), lambda _: None), tmp_path / "a"
    )


async def test_old_tasks_go_with_what_only_they_name(house: House) -> None:
    await house.ended("old", b"old", NOW - 2 * DAY)
    await house.ended("old-too", b"shared", NOW - 2 * DAY)
    await house.ended("new", b"shared", NOW - 2 * GRACE_SECONDS)
    await house.store.submit(Task("waits", TaskKind.ART, "", "{}", 5, NOW - 9 * DAY, 0.0), UNBOUNDED)
    await house.swept()
    counts = await house.store.counts()
    assert counts == {(TaskKind.ART, TaskState.SUCCEEDED): 1, (TaskKind.ART, TaskState.QUEUED): 1}
    assert house.contents() == {b"shared"}
    await house.store.close()


async def test_what_no_task_names_goes_when_it_is_old(house: House) -> None:
    await house.stored(b"of a lost attempt", NOW - 2 * GRACE_SECONDS)
    await house.stored(b"about to be named", NOW - 0.5 * GRACE_SECONDS)
    await house.swept()
    assert house.contents() == {b"about to be named"}
    await house.store.close()


async def test_while_the_store_is_away_everything_counts_as_used(house: House) -> None:
    class Away(SqliteTaskStore):
        async def unused(self, _digests: frozenset[str]) -> frozenset[str]:
            raise StoreUnavailable("away")

    await house.stored(b"who knows", NOW - 2 * GRACE_SECONDS)
    house.store = Away(house.store._database, lambda _: None)
    await house.swept()
    assert house.contents() == {b"who knows"}
    await house.store.close()
