"""Replicas of the real knowledge-svc on Unix sockets."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.duration_pb2 import Duration
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from knowledge_svc.__main__ import running
from knowledge_svc.settings import KnowledgeSettings
from mcai.knowledge.v1 import knowledge_pb2 as pb
from mcai.knowledge.v1 import knowledge_pb2_grpc
from servicekit import degrade
from servicekit.channel import open_channel

SERVICE = pb.DESCRIPTOR.services_by_name["KnowledgeService"]


def cache_key(text: str, *, domains: tuple[str, ...] = (), scope: str = "shared") -> pb.CacheKey:
    return pb.CacheKey(question=text, scope=scope, domains=domains, model="extractive")


@dataclass(frozen=True, slots=True)
class Replica:
    """A running replica and what it is asked through; every call raises what the channel raises."""

    stub: "knowledge_pb2_grpc.KnowledgeServiceAsyncStub"
    registry: CollectorRegistry

    async def look(
        self, key: pb.CacheKey, *, wait_seconds: float = 0.0, lease: bool = True
    ) -> pb.LookupResult:
        wait = Duration()
        wait.FromMilliseconds(round(wait_seconds * 1000))
        request = pb.BatchLookupRequest(keys=[key], want_lease=lease, wait=wait)
        (result,) = (await self.stub.BatchLookup(request)).results
        return result

    async def look_and_tell(self, key: pb.CacheKey) -> tuple[pb.LookupResult, frozenset[str]]:
        """A lookup, and what it was answered without."""
        with degrade.collecting() as names:
            result = await self.look(key)
        return result, frozenset(names)

    async def fill(
        self,
        key: pb.CacheKey,
        value: bytes = b"an answer",
        *,
        token: str = "",
        built_on: tuple[str, ...] = (),
        domains: tuple[str, ...] = (),
        kind: "pb.EntryKind.ValueType" = pb.ENTRY_KIND_ANSWER,
        sequence: int = 0,
    ) -> bool:
        entry = pb.CacheEntry(
            value=value, kind=kind, example_ids=built_on, domains=domains, bank_sequence=sequence
        )
        request = pb.FillRequest(key=key, entry=entry, lease_token=token)
        return (await self.stub.Fill(request)).stored

    async def invalidate(self, **what: Any) -> int:
        return (await self.stub.Invalidate(pb.InvalidateRequest(**what))).evicted

    async def stats(self) -> pb.GetStatsResponse:
        return await self.stub.GetStats(pb.GetStatsRequest())


@asynccontextmanager
async def replica(
    directory: Path,
    name: str,
    *,
    redis_url: str | None = None,
    dataset_target: str | None = None,
    **settings: Any,
) -> AsyncIterator[Replica]:
    """A replica that keeps its files in `directory`, which replicas may share."""
    registry = CollectorRegistry()
    loaded = KnowledgeSettings(
        listen=f"unix:{directory}/{name}.sock",
        data_dir=directory / "data",
        redis_url=SecretStr(redis_url) if redis_url else None,
        # A machine that runs other tests beside may stall for longer than the 25 ms of the default.
        **{
            "redis_budget_ms": 1_000.0,
            "dataset_target": dataset_target,
            "drain_seconds": 0.0,
            # A test that asks which tier an answer came from does not race with the warming.
            "warm_entries": 0,
        }
        | settings,
    )
    async with running(loaded, registry) as server:
        channel = open_channel(server.address, services=[SERVICE], token=None, timeout_seconds=10.0)
        async with channel:
            yield Replica(knowledge_pb2_grpc.KnowledgeServiceStub(channel), registry)
