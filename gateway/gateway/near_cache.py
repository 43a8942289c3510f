"""Answers held in the gateway itself, coherent with the cache while it is told what is forgotten there.

An answer is served from here only as long as the stream of invalidations is known to be no more than
`WINDOW_SECONDS` behind its replica; when the stream ends, everything is dropped. What is kept for the time
when everything is away is another thing and another place: last_answers.py.

A lookup may be answered by another replica than the one that the stream comes from, and that one may have
followed the bank less far. So an answer is let in only from a replica which had come at least to where the
stream began, and only if the stream has named nothing since that touches it and that neither the answer nor
that replica knew of. What a person invalidated has no place in the feed: for `_SETTLING_SECONDS` after it
nothing is let in, by when every replica has heard.
"""

from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.chat.model import CacheKey
from servicekit.terms import Terms, could_answer

WINDOW_SECONDS: Final = 0.3
_SETTLING_SECONDS: Final = 1.0
# So that what is popular here is asked for there as well, now and then, and not taken for forgotten.
_MOST_SECONDS: Final = 60.0
# More than two machines' clocks drift apart, in seconds a second.
_DRIFT: Final = 1e-3
_MAX_CHANGES: Final = 10_000
_MAX_ADDITIONS: Final = 256
# What a person asked for counts for answers of any sequence.
_ANY_SEQUENCE: Final = 2**52
_ENTRY_BYTES: Final = 900
_SOURCE_BYTES: Final = 250
_TERM_BYTES: Final = 100

Source = tuple[str, str]
"""("example", id), or ("domain", name); with no name any domain is meant."""

ALL_DOMAINS: Final[Source] = ("domain", "")


@dataclass(frozen=True, slots=True)
class Added:
    """What the bank gained in a domain at a sequence; no terms are any (servicekit, terms.py)."""

    domain: str
    terms: Terms | None
    sequence: int

    def touches(self, answer: "NearAnswer") -> bool:
        """Whether it could improve the answer."""
        looked_in = answer.sources & {("domain", self.domain), ALL_DOMAINS}
        return bool(looked_in) and could_answer(self.terms, answer.terms)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the stream said at once.

    Attributes:
        sent_at: The replica's monotonic clock, in seconds.
        sequence: Position that it had followed the bank to.
        everything: Whether everything was forgotten.
        hashes: The keys that were forgotten.
        changed: Sources that changed, with the sequence of each.
        added: What the bank gained.
    """

    sent_at: float
    sequence: int = 0
    everything: bool = False
    hashes: tuple[bytes, ...] = ()
    changed: Mapping[Source, int] = field(default_factory=dict)
    added: tuple[Added, ...] = ()


@dataclass(frozen=True, slots=True)
class NearAnswer:
    """An answer as the cache gave it.

    Attributes:
        value: Its bytes.
        key_hash: Name of its key in the stream.
        sources: What it rests on.
        terms: What its question is about.
        sequence: Position of the bank's feed that it was computed at.
        fresh_seconds: How long it is fresh.
    """

    value: bytes
    key_hash: bytes
    sources: frozenset[Source]
    terms: Terms
    sequence: int
    fresh_seconds: float

    @property
    def size(self) -> int:
        """Bytes that it takes here, with its key and its places in the index."""
        index = _SOURCE_BYTES * len(self.sources) + _TERM_BYTES * len(self.terms)
        return len(self.value) + _ENTRY_BYTES + index


@dataclass(frozen=True, slots=True)
class _Held:
    """An answer, until when it is fresh, and up to where the bank's changes are known not to touch it."""

    answer: NearAnswer
    fresh_until: float
    true_to: int


class NearCache:
    """Fresh answers, bounded in bytes; the least recently used goes first. Nothing in it suspends.

    Args:
        max_bytes: Its bound; 0 holds nothing.
        clock: Seconds on a clock that only goes forward.
    """

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        self._max_bytes = max_bytes
        self._clock = clock
        self._held: OrderedDict[CacheKey, _Held] = OrderedDict()
        self._by_source: defaultdict[Source, set[CacheKey]] = defaultdict(set)
        self._by_hash: dict[bytes, CacheKey] = {}
        self._bytes = 0
        self._changed: OrderedDict[Source, int] = OrderedDict()
        self._added: deque[Added] = deque()
        self._floor = 0
        self._settled_at = self._as_of = self._heard_at = float("-inf")
        self._offset: float | None = None

    def __len__(self) -> int:
        return len(self._held)

    @property
    def size(self) -> int:
        """Bytes that the answers take."""
        return self._bytes

    def get(self, key: CacheKey) -> bytes | None:
        """Returns the answer, if it is fresh and nothing that may touch it can have been missed."""
        held = self._held.get(key)
        if held is None:
            return None
        now = self._clock()
        if now - self._as_of > WINDOW_SECONDS:
            return None
        if now >= held.fresh_until:
            self._drop(key)
            return None
        self._held.move_to_end(key)
        return held.answer.value

    def offer(self, key: CacheKey, answer: NearAnswer, *, asked_at: float, followed_to: int) -> bool:
        """Takes an answer in if it is coherent; `followed_to` is where the replica that gave it had come."""
        now, true_to = self._clock(), max(answer.sequence, followed_to)
        coherent = (
            now - self._as_of <= WINDOW_SECONDS
            and asked_at >= self._settled_at
            and followed_to >= self._floor
            and not self._is_touched(answer, true_to)
        )
        if not coherent:
            return False
        self._drop(key)
        if answer.size > self._max_bytes:
            return False
        fresh_until = asked_at + min(answer.fresh_seconds, _MOST_SECONDS)
        self._held[key] = _Held(answer, fresh_until, true_to)
        self._by_hash[answer.key_hash] = key
        for source in answer.sources:
            self._by_source[source].add(key)
        self._bytes += answer.size
        while self._bytes > self._max_bytes:
            self._drop(next(iter(self._held)))
        return True

    def hear(self, heard: Heard) -> None:
        """Forgets what the stream names, and knows for how long the rest may be trusted."""
        now = self._clock()
        if heard.everything:
            self.forget()
            self._floor = heard.sequence
        if heard.hashes:
            self._settle(now)
        for key_hash in heard.hashes:
            if (key := self._by_hash.get(key_hash)) is not None:
                self._drop(key)
        for source, sequence in heard.changed.items():
            self._change(source, sequence, now)
        for added in heard.added:
            self._add(added)
        self._note_time(heard.sent_at, now)

    def lose(self) -> None:
        """The stream has ended: what is forgotten from now on is not told."""
        self.forget()
        self._as_of, self._offset = float("-inf"), None

    def forget(self) -> None:
        """Forgets everything, and takes nothing in that was asked for before."""
        for held in (self._held, self._by_source, self._by_hash, self._changed, self._added):
            held.clear()
        self._bytes = 0
        self._settle(self._clock())

    def _settle(self, now: float) -> None:
        self._settled_at = now + _SETTLING_SECONDS

    def _change(self, source: Source, sequence: int, now: float) -> None:
        if source == ALL_DOMAINS:
            self.forget()
            self._floor = max(self._floor, sequence)
            return
        touched = [source] if source[0] == "example" else [source, ALL_DOMAINS]
        for each in touched:
            for key in tuple(self._by_source.get(each, ())):
                if self._held[key].true_to < sequence:
                    self._drop(key)
        if sequence >= _ANY_SEQUENCE:
            self._settle(now)
            return
        for each in touched:
            self._changed[each] = max(sequence, self._changed.get(each, 0))
            self._changed.move_to_end(each)
        while len(self._changed) > _MAX_CHANGES:
            self._floor = max(self._floor, self._changed.popitem(last=False)[1])

    def _add(self, added: Added) -> None:
        for source in (("domain", added.domain), ALL_DOMAINS):
            for key in tuple(self._by_source.get(source, ())):
                held = self._held[key]
                if held.true_to < added.sequence and added.touches(held.answer):
                    self._drop(key)
        self._added.append(added)
        while len(self._added) > _MAX_ADDITIONS:
            self._floor = max(self._floor, self._added.popleft().sequence)

    def _is_touched(self, answer: NearAnswer, true_to: int) -> bool:
        """Whether the stream has named what came after `true_to` and makes it untrue or could improve it."""
        if any(self._changed.get(source, 0) > true_to for source in answer.sources):
            return True
        return any(added.sequence > true_to and added.touches(answer) for added in self._added)

    def _note_time(self, sent_at: float, now: float) -> None:
        """The least delay of a message so far is that of the way; what is beyond it, the message was late."""
        delay = now - sent_at
        if self._offset is not None:
            delay = min(delay, self._offset + _DRIFT * (now - self._heard_at))
        self._offset, self._heard_at, self._as_of = delay, now, sent_at + delay

    def _drop(self, key: CacheKey) -> None:
        held = self._held.pop(key, None)
        if held is None:
            return
        answer = held.answer
        self._bytes -= answer.size
        self._by_hash.pop(answer.key_hash, None)
        for source in answer.sources:
            keys = self._by_source[source]
            keys.discard(key)
            if not keys:
                del self._by_source[source]
