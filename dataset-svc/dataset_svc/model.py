"""The bank in plain data: what is stored, what may be stored, and what changed.

Times are seconds since the epoch (UTC, float); texts are Unicode without lone surrogates or NUL.
"""

import hashlib
import re
from dataclasses import dataclass, field, replace
from enum import Enum

# Names that people have given their folders are kept to the letter; no slash, colon or control character
# may be in one, since it becomes part of a URL path such as /api/datasets/{domain}:import.
DOMAIN_PATTERN = re.compile(r"[^\W_](?:[\w .&'+-]{0,62}[\w+])?")
MAX_PROMPT_CHARACTERS = 16_384
MAX_RESPONSE_CHARACTERS = 262_144
MAX_METADATA_BYTES = 65_536
TITLE_CHARACTERS = 80


class Durability(Enum):
    """How safely a write is stored."""

    COMMITTED = "committed"
    JOURNALLED = "journalled"


class ChangeKind(Enum):
    """What happened to an example."""

    CREATED = "created"
    UPDATED = "updated"
    DELETED = "deleted"


class Role(Enum):
    """Who said a message."""

    USER = "user"
    ASSISTANT = "assistant"
    SYSTEM = "system"


class Rating(Enum):
    """What a person thought of an answer."""

    LIKE = "like"
    DISLIKE = "dislike"


def content_hash(domain: str, prompt: str, response: str) -> str:
    """SHA-256 over the three texts, 64 hexadecimal digits; equal content is stored once a domain."""
    digest = hashlib.sha256()
    for text in (domain, prompt, response):
        encoded = text.encode()
        # The length keeps ("ab", "c") and ("a", "bc") apart.
        digest.update(len(encoded).to_bytes(8, "big"))
        digest.update(encoded)
    return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named collection of examples; its name is the domain of its examples."""

    domain: str
    description: str
    example_count: int
    create_time: float
    update_time: float
    retention_days: int = 0


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its response; `metadata_json` is a JSON object, kept to the letter."""

    id: str
    domain: str
    prompt: str
    response: str
    metadata_json: str
    create_time: float
    update_time: float

    @property
    def content_hash(self) -> str:
        """See `content_hash`."""
        return content_hash(self.domain, self.prompt, self.response)

    def edited(
        self, prompt: str | None, response: str | None, metadata_json: str | None, now: float
    ) -> "Example":
        """The example with what is not None in its place; itself, to the time, if that changes nothing."""
        new = replace(
            self,
            prompt=self.prompt if prompt is None else prompt,
            response=self.response if response is None else response,
            metadata_json=self.metadata_json if metadata_json is None else metadata_json,
        )
        return self if new == self else replace(new, update_time=now)


@dataclass(frozen=True, slots=True)
class Insertion:
    """What became of one example that was to be inserted: `id` is its own, or that of its equal."""

    id: str
    duplicate: bool


@dataclass(frozen=True, slots=True)
class InsertOutcome:
    """What became of a batch of examples: one insertion per example, in order, and how safe they are."""

    insertions: tuple[Insertion, ...]
    durability: Durability = Durability.COMMITTED


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the change feed; `example` is its newest state, None once it was deleted."""

    sequence: int
    kind: ChangeKind
    example_id: str
    domain: str
    example: Example | None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """One search; no domains means all of them."""

    text: str
    domains: tuple[str, ...] = ()
    limit: int = 10
    want_snippets: bool = False
    want_explanation: bool = False


@dataclass(frozen=True, slots=True)
class SearchHit:
    """An example that was found; `score` is BM25, `confidence` runs from 0 to 1."""

    example: Example
    score: float
    confidence: float
    snippet_html: str = ""
    explanation_json: str = ""


@dataclass(frozen=True, slots=True)
class ImportRow:
    """One row to import; `origin` says where it stood, such as `faq.jsonl:17`."""

    domain: str
    prompt: str
    response: str
    metadata_json: str
    origin: str


@dataclass(slots=True)
class ImportReport:
    """What became of an import's rows: read = added + duplicates + rejected."""

    read: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Message:
    """One thing said in a conversation."""

    id: str
    role: Role
    content: str
    metadata_json: str
    create_time: float


@dataclass(frozen=True, slots=True)
class Conversation:
    """A series of messages of one user."""

    id: str
    user_id: str
    title: str
    message_count: int
    create_time: float
    update_time: float


def title_of(content: str) -> str:
    """Title of a conversation that begins with this message: its first words on one line."""
    line = " ".join(content[: 8 * TITLE_CHARACTERS].split())
    return line if len(line) <= TITLE_CHARACTERS else line[: TITLE_CHARACTERS - 1].rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a person thought of an answer."""

    id: str
    user_id: str
    message: str
    rating: Rating
    metadata_json: str
    create_time: float


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Rows in the store."""

    datasets: int
    examples: int
    conversations: int
    messages: int
    feedback: int


@dataclass(frozen=True, slots=True)
class ReplicaStats:
    """The measure of one replica; -1 stands for what a store that is away cannot tell."""

    counts: StoreCounts
    index_documents: int
    index_bytes: int
    index_sequence: int
    head_sequence: int
    journalled: int
    store: str
    store_available: bool
