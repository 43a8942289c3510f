"""What requests feel of heavy tasks that run on the same machine."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Final

import httpx2

from benchmarks.figures import Figure, percentile_ms
from benchmarks.gateway.load import Load, ask, post
from benchmarks.gateway.processes import Server, gateway
from task_svc.settings import TaskSettings
from tests.support.waiting import eventually

CHATS: Final = 1_500
SUBMITS: Final = 300
HEAVY: Final = 20
HEAVY_OF_SUBMISSIONS: Final = 50
DEFAULT_PROCESSES: Final = TaskSettings.model_fields["local_pool_processes"].default
# Minutes of work, which end with the service.
_HEAVY: Final = {"kind": "music", "parameters": {"duration_seconds": 600.0}}
_LIGHT: Final = {"kind": "cymatic", "parameters": {"size_pixels": 64}, "priority": 1}
_START_SECONDS: Final = 300.0
_numbers = itertools.count()


async def measure_beside(directory: Path) -> list[Figure]:
    """Chat and submission beside heavy tasks, against the same with nothing else to do.

    Once with as many processes as the pool has by default, and once with one for each of the tasks.
    """
    figures = []
    for processes in (DEFAULT_PROCESSES, HEAVY):
        (place := directory / f"pool{processes}").mkdir()
        async with AsyncExitStack() as stack:
            server = await stack.enter_async_context(
                gateway(place, {"MCAI_LOCAL_POOL_PROCESSES": str(processes)})
            )
            client = await stack.enter_async_context(
                httpx2.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=60.0, trust_env=False)
            )
            figures.append(await _measured(server, client, processes))
    return figures


async def _measured(server: Server, client: httpx2.AsyncClient, processes: int) -> Figure:
    await _chats(server)  # warm, as is the pool after these
    await _submits(server, client)
    quiet, submitted = [(await _chats(server)).took], [(await _submits(server, client)).took]
    heavy = [await _begin(client) for _ in range(HEAVY)]
    for each in heavy[:processes]:
        await eventually(partial(_runs, client, each), _START_SECONDS)
    busy = [(await _chats(server)).took for _ in range(2)]
    heavy += [await _begin(client) for _ in range(HEAVY_OF_SUBMISSIONS - HEAVY)]
    beside = [(await _submits(server, client)).took]
    await asyncio.gather(*(client.post(f"/api/tasks/{each}:cancel") for each in heavy))
    quiet.append((await _chats(server)).took)
    submitted.append((await _submits(server, client)).took)
    told = f"heavy tasks, {processes} at a time"
    _row("a new question, with nothing else to do", quiet)
    _row(f"a new question beside {HEAVY} {told}", busy)
    _row("a submission, with nothing else to do", submitted)
    _row(f"a submission beside {HEAVY_OF_SUBMISSIONS} {told}", beside)
    late = percentile_ms(busy, 99) / percentile_ms(quiet, 99)
    return Figure(f"p99 of a chat beside {HEAVY} {told}", late, "x", 2.0)


async def _chats(server: Server) -> Load:
    questions = [
        post("/api/chat", b'{"message": "what is number %d?"}' % next(_numbers)) for _ in range(CHATS)
    ]
    return await _asked(server, questions)


async def _submits(server: Server, client: httpx2.AsyncClient) -> Load:
    """Submits light tasks and forgets them, once the last answer is there."""
    load = await _asked(server, [post("/api/tasks", json.dumps(_LIGHT).encode())] * SUBMITS)
    for state in ("queued", "running"):
        while tasks := await _listed(client, state):
            await asyncio.gather(*(client.post(f"/api/tasks/{each}:cancel") for each in tasks))
    return load


async def _listed(client: httpx2.AsyncClient, state: str) -> list[str]:
    """Ids of a page of light tasks in this state."""
    page = (await client.get("/api/tasks", params={"state": state, "kind": "cymatic"})).json()
    return [task["id"] for task in page["tasks"]]


async def _asked(server: Server, requests: Sequence[bytes]) -> Load:
    load = await ask(server.port, requests, count=len(requests), connections=2)
    if load.failed or load.refused:
        raise RuntimeError(f"{load.failed} requests failed and {load.refused} were refused")
    return load


async def _begin(client: httpx2.AsyncClient) -> str:
    answer = (await client.post("/api/tasks", json=_HEAVY)).raise_for_status().json()
    return str(answer["task"]["id"])


async def _runs(client: httpx2.AsyncClient, task_id: str) -> bool:
    return bool((await client.get(f"/api/tasks/{task_id}")).json()["state"] == "running")


def _row(name: str, rounds: Sequence[Sequence[float]]) -> None:
    print(f"{name:56} {percentile_ms(rounds, 50):10.2f} ms p50 {percentile_ms(rounds, 99):10.2f} ms p99")
