"""An attempt that must not even begin."""

from pathlib import Path

from prometheus_client import CollectorRegistry

from task_svc.artifacts import local_artifacts
from task_svc.attempts import Attempts, Pace, RetryPolicy
from task_svc.metrics import TaskMetrics
from task_svc.model import UNBOUNDED, Parameters, Product, Task, TaskKind, TaskState
from task_svc.ports import Progress
from task_svc.sqlite import SqliteTaskStore
from task_svc.sqlite_database import SqliteDatabase


class CountingGenerator:
    """Makes nothing, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def generate(self, _k: TaskKind, _p: Parameters, _d: Path, _progress: Progress) -> Product:
        self.asked += 1
        return Product(())

    async def close(self) -> None:
        """Nothing is open."""


async def test_a_task_that_cost_too_many_workers_is_given_up(tmp_path: Path) -> None:
    store = SqliteTaskStore(await SqliteDatabase.open(tmp_path / "t.sqlite"), lambda _: None)
    generator = CountingGenerator()
    attempts = Attempts(
        store,
        local_artifacts(tmp_path / "artifacts"),
        generator,
        RetryPolicy(most_failures=3, most_attempts=2, first_wait_seconds=1.0, jitter=lambda: 1.0),
        Pace(1.0, 0.1, dict.fromkeys(TaskKind, 60.0)),
        TaskMetrics(CollectorRegistry()),
        lambda: 1000.0,
    )
    await store.submit(Task("t", TaskKind.CYMATIC, "", "{}", 5, 1000.0, 1000.0), UNBOUNDED)
    for _ in range(2):
        assert await store.claim_next("lost", 1000.0)
        await store.release_worker("lost", 1000.0)
    third = await store.claim_next("careful", 1000.0)
    assert third is not None
    await attempts.run(third)
    task = await store.get("t")
    await store.close()
    assert (task.state, task.error) == (TaskState.FAILED, "Its worker stopped without a word 2 times.")
    assert generator.asked == 0
