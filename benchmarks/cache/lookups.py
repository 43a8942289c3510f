"""What a hit costs: out of memory, out of Redis, and what gRPC alone costs."""

import asyncio
import itertools
import statistics
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import psutil

from benchmarks.figures import ROUNDS, Figure
from benchmarks.gateway.processes import process
from knowledge_svc.model import Entry
from mcai.knowledge.v1 import knowledge_pb2 as pb
from mcai.knowledge.v1 import knowledge_pb2_grpc

CALLS = 4_000
CONCURRENT = 16
BATCH = 32
METHOD = "/mcai.knowledge.v1.KnowledgeService/BatchLookup"
_START_SECONDS = 20.0
# The least that a memory may have: what is asked for in turn has left it before its turn comes again.
_LITTLE_MEMORY = str(1024 * 1024)


class Subject:
    """A process that answers BatchLookup, and what its calls cost round by round.

    Attributes:
        stub: Everything else that it can be asked.
        cpu_us: CPU time of the process for a call, in microseconds.
        took_us: Median time that a call took, one at a time, in microseconds.
    """

    def __init__(self, channel: grpc.aio.Channel, pid: int, requests: Sequence[bytes] = ()) -> None:
        self.stub = knowledge_pb2_grpc.KnowledgeServiceStub(channel)
        self.requests = requests
        self.cpu_us: list[float] = []
        self.took_us: list[float] = []
        self._channel = channel
        self._process = psutil.Process(pid)
        # Bytes as they are: the load shares the machine, and its work is none of the subject's.
        call: Any = channel.unary_unary(METHOD)
        self._look: Callable[[bytes], Awaitable[bytes]] = call

    def beside(self, requests: Sequence[bytes]) -> "Subject":
        """Returns the same process with other questions."""
        return Subject(self._channel, self._process.pid, requests)

    def forget(self) -> None:
        """Counts the rounds so far for nothing."""
        self.cpu_us.clear()
        self.took_us.clear()

    async def look(self, request: bytes) -> pb.BatchLookupResponse:
        """One call."""
        return pb.BatchLookupResponse.FromString(await self._look(request))

    async def round(self) -> None:
        """Asks all that there is to ask, many at a time and then some one at a time."""
        turns = itertools.islice(itertools.cycle(self.requests), CALLS)
        before = self._cpu_seconds()
        await asyncio.gather(*(self._ask(turns) for _ in range(CONCURRENT)))
        self.cpu_us.append(1e6 * (self._cpu_seconds() - before) / CALLS)
        took = []
        for request in itertools.islice(itertools.cycle(self.requests), CALLS // 10):
            started = time.perf_counter()
            await self._look(request)
            took.append(time.perf_counter() - started)
        self.took_us.append(1e6 * statistics.median(took))

    async def _ask(self, turns: "itertools.islice[bytes]") -> None:
        for request in turns:
            await self._look(request)

    def _cpu_seconds(self) -> float:
        return sum(self._process.cpu_times()[:2])


@asynccontextmanager
async def knowledge(directory: Path, name: str, **settings: str) -> AsyncIterator[Subject]:
    """knowledge-svc in a process of its own."""
    place = {"MCAI_LISTEN": f"unix:{directory}/{name}.sock", "MCAI_DATA_DIR": str(directory / name)}
    async with (
        process("knowledge_svc", MCAI_LOG_LEVEL="WARNING", **place, **settings) as pid,
        _connected(place["MCAI_LISTEN"]) as channel,
    ):
        yield Subject(channel, pid)


@asynccontextmanager
async def _echo(directory: Path, name: str, said: pb.BatchLookupResponse) -> AsyncIterator[Subject]:
    address, file = f"unix:{directory}/{name}.sock", directory / f"{name}.bin"
    file.write_bytes(said.SerializeToString())
    async with (
        process("benchmarks.cache.echo", address, str(file)) as pid,
        _connected(address) as channel,
    ):
        yield Subject(channel, pid)


@asynccontextmanager
async def _connected(address: str) -> AsyncIterator[grpc.aio.Channel]:
    options = [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.min_reconnect_backoff_ms", 100)]
    async with grpc.aio.insecure_channel(address, options) as channel:  # noqa: TID251 - the server is measured
        async with asyncio.timeout(_START_SECONDS):
            await channel.channel_ready()
        yield channel


async def fill(subject: Subject, entries: Sequence[Entry]) -> list[pb.CacheKey]:
    """Stores the entries under questions of their own and returns the keys."""
    keys = []
    for number, entry in enumerate(entries):
        key = pb.CacheKey(question=f"{entry.question} {number}", scope="shared", model="extractive")
        stored = pb.CacheEntry(value=entry.value, example_ids=entry.example_ids, domains=entry.domains)
        await subject.stub.Fill(pb.FillRequest(key=key, entry=stored))
        keys.append(key)
    return keys


def _requests(keys: Sequence[pb.CacheKey], size: int) -> list[bytes]:
    batches = (keys[at : at + size] for at in range(0, len(keys), size))
    return [
        pb.BatchLookupRequest(keys=batch, want_lease=True).SerializeToString()
        for batch in batches
        if len(batch) == size
    ]


async def _check(subject: Subject, request: bytes, tier: "pb.CacheTier.ValueType") -> pb.BatchLookupResponse:
    response = await subject.look(request)
    if any(result.tier != tier for result in response.results):
        sys.exit(f"A lookup was not answered from {pb.CacheTier.Name(tier)}; nothing is measured.")
    return response


async def measure_lookups(directory: Path, entries: Sequence[Entry], redis_url: str) -> list[Figure]:
    """Hits out of memory, of one key and of many, beside an echo of each; and hits out of Redis."""
    async with AsyncExitStack() as stack:
        memory = await stack.enter_async_context(knowledge(directory, "memory"))
        redis = await stack.enter_async_context(
            knowledge(
                directory, "redis", MCAI_REDIS_URL=redis_url, MCAI_REDIS_BUDGET_MS="1000",
                MCAI_MEMORY_MAX_BYTES=_LITTLE_MEMORY,
            )
        )  # fmt: skip
        few = await fill(memory, entries[:BATCH])
        memory.requests = _requests(few, 1)
        redis.requests = _requests(await fill(redis, entries), 1)
        many = memory.beside(_requests(few, BATCH))
        echoes = []
        for name, subject in (("one", memory), ("many", many)):
            said = await _check(subject, subject.requests[0], pb.CACHE_TIER_MEMORY)
            echoes.append(await stack.enter_async_context(_echo(directory, name, said)))
            echoes[-1].requests = subject.requests
        subjects = (memory, echoes[0], many, echoes[1], redis)
        for each in subjects:
            await each.round()
            each.forget()
        for _ in range(ROUNDS):
            for each in subjects:
                await each.round()
        await _check(redis, redis.requests[0], pb.CACHE_TIER_REDIS)
    return _figures(memory, echoes[0], many, echoes[1], redis)


def _figures(one: Subject, echo: Subject, many: Subject, many_echo: Subject, redis: Subject) -> list[Figure]:
    for name, subject, hits in (
        ("hit in memory, one a call", one, 1),
        ("echo of it", echo, 1),
        (f"hits in memory, {BATCH} a call", many, BATCH),
        ("echo of them", many_echo, BATCH),
        ("hit in Redis, one a call", redis, 1),
    ):
        cpu, took = statistics.median(subject.cpu_us), statistics.median(subject.took_us)
        print(
            f"{name:56} {hits * 1e6 / cpu:10.0f} hits/s a core, {cpu:.0f} us of CPU and {took:.0f} us a call"
        )
    return [
        Figure("hits a core, one a call, times the echo", _ratio(echo, one), "x", 0.85, smaller=False),
        Figure(
            f"hits a core, {BATCH} a call, times the echo", _ratio(many_echo, many), "x", 0.85, smaller=False
        ),
        Figure("CPU of a hit in memory, times one in Redis", _ratio(one, redis), "x", 0.75),
    ]


def _ratio(one: Subject, other: Subject) -> float:
    """How much of the other's CPU time the one takes, round by round."""
    return statistics.median(mine / its for mine, its in zip(one.cpu_us, other.cpu_us, strict=True))
