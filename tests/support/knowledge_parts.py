"""Parts of knowledge-svc for tests: a clock that stands still, entries, and a service on real tiers."""

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from knowledge_svc.change_log import ChangeLog
from knowledge_svc.leases import MemoryLeases
from knowledge_svc.memory import MemoryTier
from knowledge_svc.metrics import KnowledgeMetrics
from knowledge_svc.model import Entry, EntryKind, Key, Lifetimes, Question
from knowledge_svc.ports import CacheTier
from knowledge_svc.service import KnowledgeService

NOW = 1_800_000_000.0

LIFETIMES = Lifetimes(
    {EntryKind.ANSWER: 3_600.0, EntryKind.NEGATIVE: 30.0, EntryKind.DATASET: 86_400.0}, grace=1.0, jitter=0.0
)


@dataclass(slots=True)
class ManualClock:
    """A clock that goes when it is told to."""

    now: float = NOW

    def __call__(self) -> float:
        return self.now


def key_of(text: str) -> Key:
    return Question(text).key


def entry_of(
    value: bytes = b"an answer",
    *,
    built_on: tuple[str, ...] = (),
    domains: tuple[str, ...] = (),
    kind: EntryKind = EntryKind.ANSWER,
    sequence: int = 1,
    now: float = NOW,
) -> Entry:
    """A fresh entry."""
    unstamped = Entry(value, kind, built_on, domains, sequence)
    return LIFETIMES.stamp(unstamped, now, 0.0)


@dataclass(slots=True)
class Parts:
    """A KnowledgeService with its parts in reach, and one clock for all of them.

    Attributes:
        service: What is tested.
        slower: Its slower tier.
    """

    slower: CacheTier
    clock: ManualClock
    memory: MemoryTier = field(init=False)
    leases: MemoryLeases = field(init=False)
    log: ChangeLog = field(default_factory=ChangeLog)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    service: KnowledgeService = field(init=False)

    def __post_init__(self) -> None:
        self.memory = MemoryTier(1_000_000, self.clock, self.log.additions)
        self.leases = MemoryLeases(10.0, "book", self.clock)
        self.service = KnowledgeService(
            memory=self.memory,
            slower=self.slower,
            local=self.slower,
            leases=self.leases,
            log=self.log,
            stamp=lambda entry: LIFETIMES.stamp(entry, self.clock(), 0.0),
            metrics=KnowledgeMetrics(self.registry),
            clock=self.clock,
        )
