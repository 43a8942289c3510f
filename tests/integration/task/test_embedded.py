"""The embedded task-svc over real gRPC: SQLite, real worker processes, real pictures."""

import asyncio
import hashlib
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from mcai.task.v1 import task_pb2
from servicekit.errors import (
    Conflict,
    InvalidArgument,
    LimitExceeded,
    NotFound,
    translating,
)
from tests.support.task_replica import LONG, TaskReplica, task_replica
from tests.support.waiting import eventually

QUEUED, RUNNING = task_pb2.TASK_STATE_QUEUED, task_pb2.TASK_STATE_RUNNING
SUCCEEDED, CANCELLED = task_pb2.TASK_STATE_SUCCEEDED, task_pb2.TASK_STATE_CANCELLED


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[TaskReplica]:
    async with task_replica(tmp_path, local_pool_processes=1) as running:
        yield running


async def test_a_picture_is_asked_for_watched_and_downloaded(replica: TaskReplica) -> None:
    task = await replica.submit(parameters={"frequency_hz": 528, "size_pixels": 128, "prompt": "für dich"})
    assert (task.state, task.priority, task.revision) == (QUEUED, 5, 1)
    assert json.loads(task.parameters_json)["seed"] == 1

    seen = await replica.watched(task.id)
    assert seen[-1].state == SUCCEEDED
    assert [each.revision for each in seen] == sorted({each.revision for each in seen})
    percents = [each.progress_percent for each in seen]
    assert percents == sorted(percents)
    assert percents[-1] == 100.0

    done = seen[-1]
    (artifact,) = done.artifacts
    content = await replica.downloaded(task.id)
    assert (artifact.name, artifact.media_type, artifact.size_bytes) == (
        "pattern.png",
        "image/png",
        len(content),
    )
    assert hashlib.sha256(content).hexdigest() == artifact.sha256
    with Image.open(io.BytesIO(content)) as picture:
        assert picture.size == (128, 128)
        assert picture.info["Description"] == "für dich"
        assert picture.info["frequency_hz"] == "528.0"
    assert set(json.loads(done.result_json)["analysis"]) == {"symmetry", "complexity", "coherence"}
    assert done.start_time.ToNanoseconds() <= done.end_time.ToNanoseconds()


async def test_ranges_of_an_artefact(replica: TaskReplica) -> None:
    task = await replica.submit()
    await replica.ended(task.id)
    whole = await replica.downloaded(task.id)
    assert await replica.downloaded(task.id, offset=10, length=20) == whole[10:30]
    assert await replica.downloaded(task.id, offset=len(whole) - 5) == whole[-5:]
    assert await replica.downloaded(task.id, offset=len(whole)) == b""
    with pytest.raises(InvalidArgument), translating("task-svc"):
        await replica.downloaded(task.id, offset=len(whole) + 1)


async def test_what_is_not_there_is_not_found(replica: TaskReplica) -> None:
    task = await replica.submit()
    await replica.ended(task.id)
    for call in (
        replica.get("nothing"),
        replica.cancel("nothing"),
        replica.watched("nothing"),
        replica.downloaded("nothing"),
        replica.downloaded(task.id, name="../../tasks.sqlite"),
    ):
        with pytest.raises(NotFound), translating("task-svc"):
            await call


async def test_the_same_request_is_one_task(replica: TaskReplica) -> None:
    first = await replica.submit(request_id="r1", user_id="ann")
    again = await replica.submit(request_id="r1", user_id="ann")
    assert again.id == first.id
    assert (await replica.submit(request_id="r1", user_id="bob")).id != first.id
    with pytest.raises(Conflict, match="request_id"), translating("task-svc"):
        await replica.submit(request_id="r1", user_id="ann", parameters={"seed": 2})


async def test_the_same_parameters_make_the_same_bytes(replica: TaskReplica) -> None:
    tasks = [await replica.submit(parameters={"size_pixels": 64, "seed": seed}) for seed in (7, 7, 8)]
    digests = [(await replica.ended(task.id)).artifacts[0].sha256 for task in tasks]
    assert digests[0] == digests[1]
    assert digests[0] != digests[2]


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"frequency": 432}, "frequency_hz, emotion, plate"),
        ({"frequency_hz": "432"}, "20 to 20000"),
        ({"frequency_hz": 19.9}, "20 to 20000"),
        ({"plate": "hexagonal"}, "circular, square"),
        ({"emotion": "hunger"}, "anger, anxiety, awakening"),
        ({"size_pixels": 4096}, "64 to 2048"),
    ],
)
async def test_wrong_parameters_are_refused_with_what_is_allowed(
    replica: TaskReplica, parameters: dict[str, object], named: str
) -> None:
    with pytest.raises(InvalidArgument, match=named) as refused, translating("task-svc"):
        await replica.submit(parameters=parameters)
    assert refused.value.metadata["field"] == next(iter(parameters))


async def test_music_is_played_and_written_down(replica: TaskReplica) -> None:
    task = await replica.submit(
        kind=task_pb2.TASK_KIND_MUSIC, parameters={"mood": "joy", "duration_seconds": 5}
    )
    seen = await replica.watched(task.id)
    assert seen[-1].state == SUCCEEDED
    assert {each.stage for each in seen} & {"playing", "mastering"}
    kinds = {each.name: each.media_type for each in seen[-1].artifacts}
    assert kinds == {"music.wav": "audio/wav", "music.mid": "audio/midi"}
    assert json.loads(seen[-1].result_json)["loudness_lufs"] == pytest.approx(-14.0, abs=0.5)


async def test_bad_fields_are_refused(replica: TaskReplica) -> None:
    for fields in (
        {"kind": 0},
        {"kind": 99},
        {"priority": 10},
        {"user_id": "a\0b"},
        {"request_id": "x" * 200},
    ):
        with pytest.raises(InvalidArgument), translating("task-svc"):
            await replica.submit(**fields)
    for token in ("rubbish", "AAAA"):
        with pytest.raises(InvalidArgument), translating("task-svc"):
            await replica.stub.ListTasks(task_pb2.ListTasksRequest(page_token=token))


async def test_running_and_queued_tasks_stop_when_they_are_cancelled(replica: TaskReplica) -> None:
    running = await replica.submit(parameters=LONG)
    waiting = await replica.submit(parameters=LONG)
    await replica.started(running.id)
    assert (await replica.get(waiting.id)).position == 0

    assert (await replica.cancel(waiting.id)).state == CANCELLED
    assert (await replica.cancel(running.id)).state == CANCELLED
    assert (await replica.cancel(running.id)).state == CANCELLED
    # The pool's only process is free again: this one ends at once.
    assert (await replica.ended((await replica.submit()).id)).state == SUCCEEDED
    assert (await replica.get(running.id)).artifacts == []


async def test_a_cancelled_task_leaves_nothing_on_the_disk(replica: TaskReplica, tmp_path: Path) -> None:
    task = await replica.submit(parameters=LONG)
    await replica.started(task.id)
    await replica.cancel(task.id)
    artifacts = tmp_path / "artifacts"
    await eventually(lambda: not any(path.is_file() for path in artifacts.rglob("*")))
    await eventually(lambda: not any((artifacts / "scratch").iterdir()))


async def test_urgent_tasks_go_first(replica: TaskReplica) -> None:
    blocking = await replica.submit(parameters=LONG)
    await replica.started(blocking.id)
    late = await replica.submit(priority=1)
    urgent = await replica.submit(priority=9)
    assert (await replica.get(late.id)).position == 1
    await replica.cancel(blocking.id)
    done_late, done_urgent = await replica.ended(late.id), await replica.ended(urgent.id)
    assert done_urgent.start_time.ToNanoseconds() < done_late.start_time.ToNanoseconds()


async def test_watchers_come_back_with_what_they_have_seen(replica: TaskReplica) -> None:
    task = await replica.submit()
    end = await replica.ended(task.id)
    request = task_pb2.WatchTaskRequest(task_id=task.id, after_revision=end.revision)
    assert [each async for each in replica.stub.WatchTask(request)] == []
    several = await asyncio.gather(*(replica.watched(task.id) for _ in range(5)))
    assert {seen[-1].revision for seen in several} == {end.revision}


async def test_lists_page_through_everything_once(replica: TaskReplica) -> None:
    tasks = [await replica.submit(user_id="ann") for _ in range(5)]
    await replica.submit(user_id="bob")
    ids: list[str] = []
    token = ""
    while True:
        page = await replica.stub.ListTasks(
            task_pb2.ListTasksRequest(user_id="ann", page_size=2, page_token=token)
        )
        ids += [task.id for task in page.tasks]
        token = page.next_page_token
        if not token:
            break
    assert ids == [task.id for task in reversed(tasks)]


async def test_stats_count_what_is_there(replica: TaskReplica) -> None:
    await replica.ended((await replica.submit()).id)
    stats = await replica.stub.GetStats(task_pb2.GetStatsRequest())
    assert [(each.kind, each.state, each.count) for each in stats.counts] == [
        (task_pb2.TASK_KIND_CYMATIC, SUCCEEDED, 1)
    ]
    assert (stats.runner, stats.journalled) == ("local", 0)
    attempts = replica.metric("mcai_task_attempts_total", kind="cymatic", outcome="succeeded")
    assert attempts == 1


async def test_a_full_queue_says_when_to_come_back(tmp_path: Path) -> None:
    async with task_replica(tmp_path, local_pool_processes=1, max_queued=1) as replica:
        await replica.started((await replica.submit(parameters=LONG)).id)
        await replica.submit()
        with pytest.raises(LimitExceeded) as full, translating("task-svc"):
            await replica.submit()
        assert full.value.retry_after_seconds


async def test_a_task_that_takes_too_long_is_stopped(tmp_path: Path) -> None:
    async with task_replica(tmp_path, cymatic_limit_seconds=0.3) as replica:
        task = await replica.ended((await replica.submit(parameters=LONG)).id)
        assert task.state == task_pb2.TASK_STATE_FAILED
        assert task.error == "It took longer than 0.3 s."
        assert task.attempts == 1
