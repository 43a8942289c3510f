"""What is kept, under which key, for how long, and which changes of the bank end it.

Times are seconds since the epoch, so that replicas agree on them. A key is 32 bytes. What ends an entry
is told by labels: an entry carries one for every example that it was built on, one for every domain that
could have answered it, and one more if it says that the bank has no answer. A change of the bank is a set
of labels, and ends the entries that share one with it and are older; what it adds to the bank makes stale
the entries that it could improve.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, TypeVar

from knowledge_svc.question import normalise

Key = bytes
T = TypeVar("T")

SHARED_SCOPE: Final = "shared"
MAX_KEYS: Final = 128
MAX_QUESTION_CHARACTERS: Final = 16_384
MAX_VALUE_BYTES: Final = 1024 * 1024
MAX_SOURCES: Final = 1_000
MAX_NAME_CHARACTERS: Final = 512

# No sequence of a bank reaches this: it stands for "whatever the entry's sequence is".
ANY_SEQUENCE: Final = 2**52

EXAMPLE_PREFIX: Final = "e:"
DOMAIN_PREFIX: Final = "d:"
ALL_DOMAINS: Final = "d:*"
ANY_DOMAIN: Final = ""
NEGATIVE: Final = "n"

# Python's own cost of an entry, its labels and its places in the index: fitted to what tracemalloc says of
# 5,000 entries with 0, 3 and 10 examples each (749, 2,053 and 5,621 bytes beside the value).
_ENTRY_BYTES: Final = 300
_LABEL_BYTES: Final = 480


class Tier(Enum):
    """Where a value was found."""

    MISS = "miss"
    MEMORY = "memory"
    REDIS = "redis"
    LOCAL = "local"


class EntryKind(Enum):
    """What a value is; it decides how long the value lives."""

    ANSWER = "answer"
    NEGATIVE = "negative"
    DATASET = "dataset"


@dataclass(frozen=True, slots=True)
class Question:
    """What was asked, of what, for whom and how; equal questions have the same key."""

    text: str
    scope: str = SHARED_SCOPE
    domains: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    model: str = ""

    @property
    def key(self) -> Key:
        """SHA-256 over every field with its length, so that no two questions run into each other."""
        digest = hashlib.sha256()
        for part in (normalise(self.text), self.scope, self.model):
            _absorb(digest.update, part)
        for names in (self.domains, self.options):
            distinct = sorted(set(names))
            digest.update(len(distinct).to_bytes(4, "big"))
            for name in distinct:
                _absorb(digest.update, name)
        return digest.digest()


def _absorb(update: Callable[[bytes], None], text: str) -> None:
    encoded = text.encode("utf-8", "surrogatepass")
    update(len(encoded).to_bytes(8, "big"))
    update(encoded)


def example_label(example_id: str) -> str:
    """The label of an entry that was built on this example."""
    return EXAMPLE_PREFIX + example_id


def domain_label(domain: str) -> str:
    """The label of an entry that was looked for in this domain."""
    return DOMAIN_PREFIX + domain


@dataclass(frozen=True, slots=True)
class Entry:
    """A stored value.

    Attributes:
        value: At most `MAX_VALUE_BYTES` bytes, in the caller's format.
        kind: What the value is.
        example_ids: The examples that it was built on.
        domains: The domains that were searched for it; none means all.
        sequence: Position of the bank's change feed that it was computed at.
        question: What was asked, in its normal form; additions to the bank are matched against it.
        filled_at: When it was stored.
        fresh_until: Until when it is as good as new.
        expires_at: Until when it may be served while it is renewed.
    """

    value: bytes
    kind: EntryKind = EntryKind.ANSWER
    example_ids: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    sequence: int = 0
    question: str = ""
    filled_at: float = 0.0
    fresh_until: float = 0.0
    expires_at: float = 0.0
    labels: frozenset[str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        named = {example_label(each) for each in self.example_ids}
        named.update(domain_label(each) for each in self.domains)
        if not self.domains:
            named.add(ALL_DOMAINS)
        if self.kind is EntryKind.NEGATIVE:
            named.add(NEGATIVE)
        object.__setattr__(self, "labels", frozenset(named))

    @property
    def size(self) -> int:
        """Bytes that it takes in memory, as near as it can be told without asking the allocator."""
        return _ENTRY_BYTES + _LABEL_BYTES * len(self.labels) + len(self.question) + len(self.value)

    def is_alive(self, now: float) -> bool:
        """Whether it may be served at all."""
        return now < self.expires_at

    def is_fresh(self, now: float) -> bool:
        """Whether it may be served without being renewed."""
        return now < self.fresh_until

    def marked(self) -> "Entry":
        """Returns it as one that is to be renewed."""
        return replace(self, fresh_until=self.filled_at)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long entries live, in seconds.

    Attributes:
        seconds: Freshness by kind.
        grace: Time after that in which a stale entry may be served, as a share of the freshness.
        jitter: Share of the freshness that chance takes off, so that what was filled together does not
            end together.
    """

    seconds: Mapping[EntryKind, float]
    grace: float = 1.0
    jitter: float = 0.1

    def stamp(self, entry: Entry, now: float, chance: float) -> Entry:
        """Returns the entry with its times; `chance` runs from 0 to 1."""
        fresh = self.seconds[entry.kind] * (1 - self.jitter * chance)
        return replace(
            entry, filled_at=now, fresh_until=now + fresh, expires_at=now + fresh * (1 + self.grace)
        )

    @property
    def longest(self) -> float:
        """The longest that any entry is kept."""
        return max(self.seconds.values()) * (1 + self.grace)


@dataclass(frozen=True, slots=True)
class Addition:
    """An example that was added to the bank, or many of them.

    Attributes:
        domain: Where; `ANY_DOMAIN` stands for all of them.
        terms: What its prompt is about; None stands for anything, as after an import.
    """

    domain: str
    terms: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Invalidation:
    """What to forget; the parts add up.

    Attributes:
        keys: Exactly these.
        labels: Entries with one of these labels that were computed before the sequence beside it.
        additions: What was added to the bank, with the sequence of each. It is not forgetting, but goes the
            same way: entries that were computed before and that it could improve are to be renewed.
        everything: All of them.
        sequence: Position that the bank's change feed is followed to with this; 0 says nothing about it.
    """

    keys: frozenset[Key] = frozenset()
    labels: Mapping[str, int] = field(default_factory=dict)
    additions: Mapping[Addition, int] = field(default_factory=dict)
    everything: bool = False
    sequence: int = 0

    @property
    def on_request(self) -> bool:
        """Whether a person asked for it: the bank's feed does not tell it again."""
        return (
            bool(self.keys) or ANY_SEQUENCE in self.labels.values() or (self.everything and not self.sequence)
        )

    def merged(self, other: "Invalidation") -> "Invalidation":
        """Returns what forgets all that either of them forgets."""
        return Invalidation(
            keys=self.keys | other.keys,
            labels=_latest(self.labels, other.labels),
            additions=_latest(self.additions, other.additions),
            everything=self.everything or other.everything,
            sequence=max(self.sequence, other.sequence),
        )

    def __bool__(self) -> bool:
        return bool(self.keys or self.labels or self.additions or self.everything)


def _latest(one: Mapping[T, int], other: Mapping[T, int]) -> dict[T, int]:
    merged = dict(one)
    for name, sequence in other.items():
        merged[name] = max(sequence, merged.get(name, 0))
    return merged


def asked(
    *,
    keys: Iterable[Key] = (),
    example_ids: Iterable[str] = (),
    domains: Iterable[str] = (),
    everything: bool = False,
) -> Invalidation:
    """Returns the invalidation that a person asks for: entries go whatever they were computed at."""
    labels = [example_label(each) for each in example_ids]
    for domain in domains:
        labels += (domain_label(domain), ALL_DOMAINS)
    return Invalidation(
        keys=frozenset(keys), labels=dict.fromkeys(labels, ANY_SEQUENCE), everything=everything
    )


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to compute one missing value, for `seconds` from now."""

    token: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Found:
    """The answer for one key: `entry` is None on a miss, `age` is in seconds."""

    tier: Tier = Tier.MISS
    entry: Entry | None = None
    stale: bool = False
    age: float = 0.0
    lease: Lease | None = None


@dataclass(frozen=True, slots=True)
class TierMeasure:
    """What a tier holds; -1 where it cannot be asked, `max_bytes` 0 if it has no bound of its own."""

    tier: Tier
    entries: int
    size: int
    max_bytes: int
    available: bool = True
