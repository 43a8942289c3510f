"""The Recall port over knowledge-svc, with the near cache before it and the stream that keeps that right."""

import asyncio
from contextlib import aclosing
from typing import Final

from google.protobuf.duration_pb2 import Duration

from gateway.backends import KnowledgeStub, Peer, knowledge_key
from gateway.chat.model import CacheEntry, CacheKey, Recalled, Tier
from gateway.lookups import Lookups, Seen
from gateway.near_cache import ALL_DOMAINS, Added, Heard, NearAnswer, NearCache, Source
from mcai.knowledge.v1 import knowledge_pb2
from servicekit.errors import ServiceError
from servicekit.logs import get_logger
from servicekit.terms import terms_of

_log = get_logger(__name__)

_RETRY_SECONDS: Final = 0.25
# A stream that was silent for twenty heartbeats is given up, and another one begun.
_SILENCE_SECONDS: Final = 2.0

_TIERS: Final = {
    knowledge_pb2.CACHE_TIER_MEMORY: Tier.MEMORY,
    knowledge_pb2.CACHE_TIER_REDIS: Tier.REDIS,
    knowledge_pb2.CACHE_TIER_LOCAL: Tier.LOCAL,
}


class KnowledgeRecall:
    """The Recall port; it raises what is wrong, and fallback.py answers for it."""

    def __init__(self, peer: Peer[KnowledgeStub], near: NearCache) -> None:
        self._peer = peer
        self._near = near
        self._lookups = Lookups(peer)

    async def lookup(self, key: CacheKey, *, wait_seconds: float) -> Recalled:
        """Looks one key up and asks for the lease of what is missing."""
        value = self._near.get(key)
        if value is not None:
            return Recalled(value, Tier.NEAR)
        seen: Seen | None = await self._lookups.look(key)
        if seen is not None and not seen.is_hit and not seen.may_compute:
            seen = await self._lookups.wait(key, wait_seconds)
        if seen is None:
            return Recalled()
        self._keep_near(key, seen)
        result = seen.result
        return Recalled(
            value=result.entry.value if seen.is_hit else None,
            tier=_TIERS.get(result.tier, Tier.MISS),
            stale=result.stale,
            lease=seen.take_lease(),
        )

    async def fill(self, key: CacheKey, entry: CacheEntry, *, lease: str) -> bool:
        """Stores a value."""
        stored = knowledge_pb2.CacheEntry(
            value=entry.value,
            kind=knowledge_pb2.ENTRY_KIND_ANSWER,
            example_ids=entry.example_ids,
            domains=entry.domains,
            bank_sequence=entry.sequence,
        )
        request = knowledge_pb2.FillRequest(key=knowledge_key(key), entry=stored, lease_token=lease)
        return (await self._peer.ask(lambda stub: stub.Fill(request))).stored

    async def release(self, key: CacheKey, *, lease: str) -> None:
        """Gives a lease back."""
        request = knowledge_pb2.ReleaseRequest(key=knowledge_key(key), lease_token=lease)
        await self._peer.ask(lambda stub: stub.Release(request))

    def _keep_near(self, key: CacheKey, seen: Seen) -> None:
        result = seen.result
        if not seen.is_hit or result.stale or result.entry.kind != knowledge_pb2.ENTRY_KIND_ANSWER:
            return
        entry = result.entry
        sources: set[Source] = {("example", each) for each in entry.example_ids}
        sources.update(("domain", each) for each in entry.domains)
        if not entry.domains:
            sources.add(ALL_DOMAINS)
        answer = NearAnswer(
            entry.value,
            result.key_hash,
            frozenset(sources),
            terms_of(key.question),
            entry.bank_sequence,
            _seconds(result.fresh_for),
        )
        self._near.offer(key, answer, asked_at=seen.asked_at, followed_to=seen.followed_to)


class NearFeed:
    """Tells the near cache what is forgotten in knowledge-svc."""

    def __init__(self, peer: Peer[KnowledgeStub], near: NearCache) -> None:
        self._peer = peer
        self._near = near

    async def run(self) -> None:
        """Follows for ever; while there is no stream the near cache is empty."""
        while True:
            try:
                await self._follow()
            except (ServiceError, TimeoutError) as error:
                _log.debug("stream of invalidations lost", error=str(error))
            finally:
                self._near.lose()
            await asyncio.sleep(_RETRY_SECONDS)

    async def _follow(self) -> None:
        request = knowledge_pb2.WatchInvalidationsRequest()
        time = asyncio.get_running_loop().time
        stream = self._peer.stream(lambda stub: stub.WatchInvalidations(request))
        async with aclosing(stream), asyncio.timeout(_SILENCE_SECONDS) as patience:
            async for response in stream:
                self._near.hear(_heard(response))
                patience.reschedule(time() + _SILENCE_SECONDS)


def _heard(response: knowledge_pb2.WatchInvalidationsResponse) -> Heard:
    return Heard(
        sent_at=_seconds(response.sent_at),
        sequence=response.bank_sequence,
        everything=response.all,
        hashes=tuple(response.key_hashes),
        changed={_source(each): each.sequence for each in response.sources},
        added=tuple(map(_added, response.additions)),
    )


def _added(addition: knowledge_pb2.Addition) -> Added:
    terms = None if addition.anything else frozenset(addition.terms)
    return Added(addition.domain, terms, addition.sequence)


def _source(change: knowledge_pb2.SourceChange) -> Source:
    return ("example", change.example_id) if change.HasField("example_id") else ("domain", change.domain)


def _seconds(duration: Duration) -> float:
    return duration.seconds + duration.nanos / 1e9
