"""KnowledgeService of the contract: messages to the model and back."""

from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from google.protobuf.duration_pb2 import Duration

from knowledge_svc import rules
from knowledge_svc.model import (
    ALL_DOMAINS,
    DOMAIN_PREFIX,
    EXAMPLE_PREFIX,
    MAX_QUESTION_CHARACTERS,
    Entry,
    EntryKind,
    Invalidation,
    Key,
    Question,
    Tier,
    TierMeasure,
    asked,
)
from knowledge_svc.prepared import KINDS, TIERS, PreparedResults, duration
from knowledge_svc.question import normalise
from knowledge_svc.service import KnowledgeService
from mcai.knowledge.v1 import knowledge_pb2 as pb
from mcai.knowledge.v1 import knowledge_pb2_grpc
from servicekit import deadline

_MAX_WAIT_SECONDS: Final = 30.0
# The answer has to travel back before the caller gives up.
_HEADROOM_SECONDS: Final = 0.02
_WARM_ENTRIES: Final = 1_000
# What an addition is matched against; the rest of a longer question would only take room.
_KEPT_QUESTION_CHARACTERS: Final = 512
_MAX_WARM_ENTRIES: Final = 100_000
# Gateways ask for the same keys again and again; to hash one costs 10 µs, to know it again half a one.
_REMEMBERED_KEYS: Final = 8_192
_REMEMBERED_KEY_BYTES: Final = 512

_KIND_FROM_PB: Final = {number: kind for kind, number in KINDS.items()}


class KnowledgeServicer(knowledge_pb2_grpc.KnowledgeServiceServicer):
    """Translates and delegates.

    Args:
        service: What it delegates to.
        clock: Seconds since the epoch.
        monotonic: Seconds from any origin that never go back.
        form: Makes one text of questions that are to share a key.
    """

    def __init__(
        self,
        service: KnowledgeService,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
        form: Callable[[str], str] = str,
    ) -> None:
        self._service = service
        self._clock = clock
        self._monotonic = monotonic
        self._form = form
        self._results = PreparedResults()
        # Equal bytes are the same message; the reverse need not hold, and only costs the hash again.
        self._remembered_key = lru_cache(_REMEMBERED_KEYS)(self._key_of)

    async def BatchLookup(self, request: pb.BatchLookupRequest, context: Any) -> pb.BatchLookupResponse:
        """See the contract."""
        rules.check_count(len(request.keys))
        keys = [self._known_key(key) for key in request.keys]
        # Taken before looking: what is found reflects this position of the feed, or a later one.
        response = pb.BatchLookupResponse(bank_sequence=self._service.sequence)
        found = await self._service.lookup(
            keys, want_lease=request.want_lease, wait_seconds=_wait_seconds(request.wait)
        )
        now = self._clock()
        for key, one in zip(keys, found, strict=True):
            self._results.write(response.results.add(), key, one, now)
        return response

    async def Fill(self, request: pb.FillRequest, context: Any) -> pb.FillResponse:
        """See the contract."""
        question = self._question(request.key)
        rules.check_question(question)
        entry = _entry(request.entry, normalise(question.text)[:_KEPT_QUESTION_CHARACTERS])
        rules.check_entry(entry)
        stored = await self._service.fill(question.key, entry, request.lease_token)
        return pb.FillResponse(stored=stored)

    async def Release(self, request: pb.ReleaseRequest, context: Any) -> pb.ReleaseResponse:
        """See the contract."""
        await self._service.release(self._key(request.key), request.lease_token)
        return pb.ReleaseResponse()

    async def Invalidate(self, request: pb.InvalidateRequest, context: Any) -> pb.InvalidateResponse:
        """See the contract."""
        rules.check_sources(request.example_ids, request.domains)
        questions = [self._question(key) for key in request.keys]
        rules.check_questions(questions)
        invalidation = asked(
            keys=[question.key for question in questions],
            example_ids=request.example_ids,
            domains=request.domains,
            everything=request.all,
        )
        return pb.InvalidateResponse(evicted=await self._service.invalidate(invalidation))

    async def WatchInvalidations(
        self,
        request: pb.WatchInvalidationsRequest,
        context: Any,
    ) -> AsyncIterator[pb.WatchInvalidationsResponse]:
        """See the contract."""
        async for invalidation in self._service.watch():
            yield pb.WatchInvalidationsResponse(
                key_hashes=sorted(invalidation.keys),
                all=invalidation.everything,
                sources=_sources(invalidation),
                additions=_additions(invalidation),
                bank_sequence=self._service.sequence,
                sent_at=duration(self._monotonic()),
            )

    async def GetStats(self, request: pb.GetStatsRequest, context: Any) -> pb.GetStatsResponse:
        """See the contract."""
        measured = await self._service.statistics()
        lookups = sum(measured.hits.values())
        misses = measured.hits.get(Tier.MISS, 0)
        return pb.GetStatsResponse(
            tiers=[_tier(tier, measured.hits.get(tier.tier, 0)) for tier in measured.tiers],
            lookups=lookups,
            hits=lookups - misses,
            misses=misses,
            invalidated=measured.invalidated,
            leases=measured.leases,
            bank_sequence=measured.sequence,
        )

    async def Warm(self, request: pb.WarmRequest, context: Any) -> pb.WarmResponse:
        """See the contract."""
        limit = min(request.max_entries, _MAX_WARM_ENTRIES) if request.max_entries > 0 else _WARM_ENTRIES
        return pb.WarmResponse(loaded=await self._service.warm(limit))

    def _question(self, key: pb.CacheKey) -> Question:
        return Question(
            # What is too long is refused next, and not looked at before.
            text=self._form(key.question) if len(key.question) <= MAX_QUESTION_CHARACTERS else key.question,
            scope=key.scope,
            domains=tuple(key.domains),
            options=tuple(key.options),
            model=key.model,
        )

    def _key(self, key: pb.CacheKey) -> Key:
        question = self._question(key)
        rules.check_question(question)
        return question.key

    def _known_key(self, key: pb.CacheKey) -> Key:
        data = key.SerializeToString()
        return self._remembered_key(data) if len(data) <= _REMEMBERED_KEY_BYTES else self._key(key)

    def _key_of(self, data: bytes) -> Key:
        return self._key(pb.CacheKey.FromString(data))


def _entry(entry: pb.CacheEntry, question: str) -> Entry:
    return Entry(
        value=entry.value,
        kind=_KIND_FROM_PB.get(entry.kind, EntryKind.ANSWER),
        example_ids=tuple(entry.example_ids),
        domains=tuple(entry.domains),
        sequence=entry.bank_sequence,
        question=question,
    )


def _sources(invalidation: Invalidation) -> Iterator[pb.SourceChange]:
    """What a near cache can tell its own entries by; it holds no negative ones."""
    for label, sequence in invalidation.labels.items():
        kind, name = label[:2], label[2:]
        if kind == EXAMPLE_PREFIX:
            yield pb.SourceChange(example_id=name, sequence=sequence)
        elif kind == DOMAIN_PREFIX and label != ALL_DOMAINS:
            yield pb.SourceChange(domain=name, sequence=sequence)


def _additions(invalidation: Invalidation) -> Iterator[pb.Addition]:
    for addition, sequence in invalidation.additions.items():
        terms, anything = sorted(addition.terms or ()), addition.terms is None
        yield pb.Addition(domain=addition.domain, terms=terms, anything=anything, sequence=sequence)


def _tier(measure: TierMeasure, hits: int) -> pb.TierStats:
    return pb.TierStats(
        tier=TIERS[measure.tier],
        entries=measure.entries,
        bytes=measure.size,
        max_bytes=measure.max_bytes,
        hits=hits,
        available=measure.available,
    )


def _wait_seconds(wait: Duration) -> float:
    asked_seconds = wait.seconds + wait.nanos / 1e9
    left = deadline.remaining()
    longest = _MAX_WAIT_SECONDS if left is None else left - _HEADROOM_SECONDS
    return min(asked_seconds, longest, _MAX_WAIT_SECONDS)
