"""Metrics of knowledge-svc."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge

from knowledge_svc.model import Tier

_OUTCOMES: Final = ("stored", "lease_lost", "outdated")


class KnowledgeMetrics:
    """What the cache counts; labels are the tiers and the outcomes of a fill."""

    def __init__(self, registry: CollectorRegistry) -> None:
        lookups = Counter(
            "mcai_knowledge_lookups_total",
            "Keys looked up, by the tier that had them.",
            ("tier",),
            registry=registry,
        )
        fills = Counter(
            "mcai_knowledge_fills_total", "Fills, by what became of them.", ("outcome",), registry=registry
        )
        self.lookups = {tier: lookups.labels(tier.value) for tier in Tier}
        self.fills = {outcome: fills.labels(outcome) for outcome in _OUTCOMES}
        self.leases = Counter("mcai_knowledge_leases_total", "Leases handed out.", registry=registry)
        self.invalidated = Counter(
            "mcai_knowledge_invalidated_total",
            "Entries evicted by a change of the bank or by request.",
            registry=registry,
        )
        self.memory_bytes = Gauge(
            "mcai_knowledge_memory_bytes", "Bytes of the entries in memory.", registry=registry
        )
        self.bank_sequence = Gauge(
            "mcai_knowledge_bank_sequence",
            "Position of the bank's change feed that was followed to.",
            registry=registry,
        )
        self.feed_heard = Gauge(
            "mcai_knowledge_feed_heard_timestamp_seconds",
            "When the bank's change feed was last heard, in seconds since the epoch; 0: never.",
            registry=registry,
        )
