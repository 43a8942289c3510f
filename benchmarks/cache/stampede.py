"""How often is an answer worked out when a thousand callers miss it at once, over two replicas?"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from google.protobuf.duration_pb2 import Duration

from benchmarks.cache.lookups import Subject, knowledge
from benchmarks.figures import ROUNDS, Figure
from mcai.knowledge.v1 import knowledge_pb2 as pb

CALLERS = 1_000
KEYS = 10
REPLICAS = 2
# About what a search and its composition take when the machine has other things to do as well.
_COMPUTING_SECONDS = 0.05
_WAIT = Duration(seconds=20)


async def measure_stampede(directory: Path, redis_url: str) -> list[Figure]:
    """The worst of the rounds."""
    async with AsyncExitStack() as stack:
        settings = {"MCAI_REDIS_URL": redis_url, "MCAI_REDIS_BUDGET_MS": "5000"}
        replicas = [
            await stack.enter_async_context(knowledge(directory, f"stampede{number}", **settings))
            for number in range(REPLICAS)
        ]
        computed = [await _round(replicas, number) for number in range(ROUNDS)]
    name = f"computations of {CALLERS:,} who miss {KEYS} keys at once"
    return [Figure(f"{name}, the worst of {ROUNDS}", max(computed), "", KEYS)]


async def _round(replicas: list[Subject], number: int) -> int:
    computed = 0

    async def caller(which: int) -> None:
        nonlocal computed
        key = pb.CacheKey(question=f"question {which % KEYS} of round {number}", scope="shared", model="m")
        subject = replicas[which // KEYS % REPLICAS]
        response = await subject.stub.BatchLookup(
            pb.BatchLookupRequest(keys=[key], want_lease=True, wait=_WAIT)
        )
        (result,) = response.results
        if result.tier == pb.CACHE_TIER_MISS:
            computed += 1
            await asyncio.sleep(_COMPUTING_SECONDS)
            entry = pb.CacheEntry(value=b"an answer")
            await subject.stub.Fill(pb.FillRequest(key=key, entry=entry, lease_token=result.lease.token))

    await asyncio.gather(*(caller(which) for which in range(CALLERS)))
    return computed
