"""The chat in plain data: what is asked, what was understood, what is answered.

Texts are Unicode without lone surrogates or NUL; the HTTP side refuses others before they get here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

EXTRACTIVE: Final = "extractive"
"""Name of the model that quotes the bank and writes nothing of its own."""

SHARED_SCOPE: Final = "shared"
"""Scope of a cached answer that anybody may get."""

MAX_KEY_CHARACTERS: Final = 16_384
"""Longest question that a cache key or a search may hold."""


class Role(Enum):
    """Who said a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class Intent(Enum):
    """What a message wants."""

    QUESTION = "question"
    COMMAND = "command"
    STATEMENT = "statement"
    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"
    PICTURE = "picture"
    MUSIC = "music"


class Craft(Enum):
    """What can be made on request."""

    ART = "art"
    MUSIC = "music"
    CYMATIC = "cymatic"


class Kind(Enum):
    """What sort of answer was given."""

    ANSWER = "answer"  # quoted from the bank
    SMALL_TALK = "small_talk"  # quoted from the bank's domain of small talk
    UNKNOWN = "unknown"  # the bank holds nothing that fits; the suggestions are its nearest prompts
    SAFETY = "safety"  # the fixed words for a person in crisis
    TASK = "task"  # what was asked for is being made
    DECLINED = "declined"  # what was asked for cannot be made; the text says why
    BANK_AWAY = "bank_away"  # the bank could not be asked and nothing was cached: HTTP answers 503


class Tier(Enum):
    """Where a cached answer was found."""

    MISS = "miss"
    NEAR = "near"  # in this gateway
    MEMORY = "memory"
    REDIS = "redis"
    LOCAL = "local"


class Durability(Enum):
    """How safely the messages of a conversation are stored."""

    COMMITTED = "committed"
    JOURNALLED = "journalled"


@dataclass(frozen=True, slots=True)
class Turn:
    """One message said before the question."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Preferences:
    """How a person likes their answers.

    `humor_level` (0 to 100) is kept for writing models: an extractive answer is quoted as it stands.
    `neurodivergent_mode` sets the same sentences as short bullets.
    """

    humor_level: int = 50
    neurodivergent_mode: bool = False


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """What a person asks.

    Attributes:
        message: The question, with at least one character that is not white space.
        history: What was said before, oldest first; it may end with the message itself.
        user_id: Who asks, 1 to 128 characters; None is nobody in particular, and nothing is remembered.
        conversation_id: Where it belongs, 1 to 128 characters; None begins a new conversation.
        domains: Only these domains of the bank; empty for all.
        preferences: How the answer should look.
    """

    message: str
    history: tuple[Turn, ...] = ()
    user_id: str | None = None
    conversation_id: str | None = None
    domains: tuple[str, ...] = ()
    preferences: Preferences = field(default_factory=Preferences)


@dataclass(frozen=True, slots=True)
class Feeling:
    """The feeling that a text shows.

    Attributes:
        emotion: Name in the catalogue of emotions, or "neutral".
        intensity: 0 (none) to 10.
        valence: -1 (unpleasant) to 1 (pleasant).
        arousal: 0 (asleep) to 10 (agitated).
        dominance: 0 (helpless) to 10 (in control).
        words: The words of the text that it was read from, in order.
    """

    emotion: str
    intensity: float
    valence: float
    arousal: float
    dominance: float
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wish:
    """Something to be made, with the parameters that task-svc's README lists for it."""

    craft: Craft
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Making:
    """A task that makes something.

    Attributes:
        id: Its id.
        craft: What is made.
        parameters: What it is made of, complete with what was not asked for.
        poll_url: Where to ask how far it is.
        events_url: Where its states are streamed.
        durability: How safely the task is stored.
    """

    id: str
    craft: Craft
    parameters: Mapping[str, object]
    poll_url: str
    events_url: str
    durability: Durability


@dataclass(frozen=True, slots=True)
class Declined:
    """Nothing is made, and why, in a sentence."""

    reason: str


@dataclass(frozen=True, slots=True)
class Understanding:
    """What was made of a message before anything was looked up.

    Attributes:
        text: The message in its normal form: what is searched for and what cache keys are made of.
        intent: What it wants.
        feeling: How it sounds.
        crisis: Whether it speaks of suicide or self-harm.
        wish: What it asks to be made, if anything.
    """

    text: str
    intent: Intent
    feeling: Feeling
    crisis: bool
    wish: Wish | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An example of the bank that an answer rests on.

    `score` is BM25, comparable within one search only; `confidence` runs from 0 to 1.
    """

    id: str
    domain: str
    prompt: str
    response: str
    score: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Findings:
    """What a search of the bank brought.

    Attributes:
        sources: Best first.
        sequence: Position in the bank's change feed that was searched; 0 if unknown.
        away: Whether the bank could not be asked at all; then there are no sources.
    """

    sources: tuple[Source, ...]
    sequence: int = 0
    away: bool = False


@dataclass(frozen=True, slots=True)
class Composed:
    """An answer as it was worked out, before it is laid out for one person. This is what is cached."""

    kind: Kind
    text: str
    sources: tuple[Source, ...]
    suggestions: tuple[str, ...]
    confidence: float
    model: str = EXTRACTIVE

    @property
    def cacheable(self) -> bool:
        """Whether others may get it: only what was quoted from the bank."""
        return self.kind in {Kind.ANSWER, Kind.SMALL_TALK}


@dataclass(frozen=True, slots=True)
class CacheKey:
    """What was asked, for the cache; the fields are those of `mcai.knowledge.v1.CacheKey`.

    `domains` are sorted and distinct, `options` are sorted "name=value" pairs.
    """

    question: str
    scope: str
    domains: tuple[str, ...]
    options: tuple[str, ...]
    model: str


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """A finished answer for the cache and what it was built on.

    Attributes:
        value: The serialised answer.
        example_ids: Examples whose edit or deletion makes it wrong.
        domains: Domains whose additions could improve it; empty means every domain.
        sequence: Position in the bank's change feed that it was worked out at; 0 if unknown.
    """

    value: bytes
    example_ids: tuple[str, ...]
    domains: tuple[str, ...]
    sequence: int


@dataclass(frozen=True, slots=True)
class Recalled:
    """What the cache knows of one key.

    Attributes:
        value: The serialised answer; None on a miss.
        tier: Where it was found.
        stale: Whether it is past its freshness.
        lease: Token of the right to work the answer out (on a miss, or to renew a stale one); None if
            somebody else has it or the cache is away.
    """

    value: bytes | None = None
    tier: Tier = Tier.MISS
    stale: bool = False
    lease: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message to remember; `create_time` is seconds since the epoch, UTC."""

    id: str
    role: Role
    content: str
    metadata: Mapping[str, object]
    create_time: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person gets.

    Attributes:
        kind: What sort of answer it is.
        text: The answer.
        sources: The examples it rests on, the quoted one first; empty unless it was quoted.
        suggestions: Prompts that the bank could answer instead.
        confidence: 0 to 1: how well the quoted example fits the question; 0 if nothing was quoted.
        understanding: What was made of the message.
        conversation_id: Where it was remembered; None for a question that nobody in particular asked.
        durability: How safely it was remembered; None if it was not to be.
        model: Who composed it.
        cache_tier: Where it was recalled from; MISS if it was worked out now.
        stale: Whether it is past its freshness.
        degraded: Names of the dependencies that it was made without.
        elapsed_ms: Time taken, in milliseconds.
        making: The task that makes what was asked for, if one was begun.
    """

    kind: Kind
    text: str
    sources: tuple[Source, ...]
    suggestions: tuple[str, ...]
    confidence: float
    understanding: Understanding
    conversation_id: str | None
    durability: Durability | None
    model: str
    cache_tier: Tier
    stale: bool
    degraded: frozenset[str]
    elapsed_ms: float
    making: Making | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """First event of a streamed answer: everything about it but its words."""

    answer: Answer


@dataclass(frozen=True, slots=True)
class Delta:
    """The next piece of a streamed answer's text; all pieces joined are the text."""

    text: str


@dataclass(frozen=True, slots=True)
class Ended:
    """Last event of a streamed answer; the answer is whole, durability and time included."""

    answer: Answer


AnswerEvent = Begun | Delta | Ended


@dataclass(frozen=True, slots=True)
class Policy:
    """How the pipeline decides; the gateway's settings fill it.

    Attributes:
        min_confidence: Least confidence (0 to 1) of a source that may be quoted as the answer. At 0.45, with
            100 prompts an intent, CLINC150's questions are answered rightly / wrongly / not at all in 78 / 10
            / 12 % and its foreign ones in 17 %; at 0.5 in 72 / 8 / 20 % and 8 %.
        max_sources: Citations at the most.
        max_suggestions: Suggestions at the most, when the bank does not know.
        search_limit: Hits asked of the bank.
        answer_seconds: Budget of a whole answer.
        recall_wait_seconds: How long to wait for another caller who works out the same question.
        small_talk_domain: Domain of the bank that greetings are answered from.
    """

    min_confidence: float = 0.45
    max_sources: int = 5
    max_suggestions: int = 3
    search_limit: int = 10
    answer_seconds: float = 5.0
    recall_wait_seconds: float = 0.5
    small_talk_domain: str = "small_talk"
