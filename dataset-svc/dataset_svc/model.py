"""The bank in plain data: what is stored, what may be stored, and what changed.

Times are seconds since the epoch (UTC, float); texts are Unicode without lone surrogates or NUL.
"""

import hashlib
import re
from collections.abc import Sequence
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


class Analyser(Enum):
    """How the texts of a dataset become words of the index."""

    ENGLISH = "english"
    NEUTRAL = "neutral"


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
    return content_digest(domain, prompt, response).hex()


def content_digest(domain: str, prompt: str, response: str) -> bytes:
    """The content hash as its 32 bytes, half of what its digits would take in an index."""
    encoded = [text.encode() for text in (domain, prompt, response)]
    # The length keeps ("ab", "c") and ("a", "bc") apart.
    return hashlib.sha256(b"".join(len(each).to_bytes(8, "big") + each for each in encoded)).digest()


@dataclass(frozen=True, slots=True)
class Dataset:
    """A named collection of examples; its name is the domain of its examples."""

    domain: str
    description: str
    example_count: int
    create_time: float
    update_time: float
    retention_days: int = 0
    max_examples: int = 0
    analyser: Analyser = Analyser.ENGLISH
    archived_count: int = 0


@dataclass(frozen=True, slots=True)
class DatasetEdit:
    """New values of a dataset's own fields; None leaves one as it is."""

    description: str | None = None
    retention_days: int | None = None
    max_examples: int | None = None
    analyser: Analyser | None = None


@dataclass(frozen=True, slots=True)
class Example:
    """One prompt with its response; `metadata_json` is a JSON object, kept to the letter.

    `analyser` is that of its dataset: a store fills it in when it reads, and passes over it when it writes.
    """

    id: str
    domain: str
    prompt: str
    response: str
    metadata_json: str
    create_time: float
    update_time: float
    analyser: Analyser = Analyser.ENGLISH

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
class EditOutcome:
    """An example after a change, and how safe the change is."""

    example: Example
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
    """One row to import.

    Attributes:
        origin: Where it stood, such as `faq.jsonl:17`.
        problem: Why its sender could not read it; "" if it could.
    """

    domain: str
    prompt: str
    response: str
    metadata_json: str
    origin: str
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ImportOpening:
    """How a stream of an import begins; see ImportHeader in the contract."""

    request_id: str = ""
    first_row: int = 0
    default_domain: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that may not be stored, and why, in one sentence."""

    origin: str
    reason: str


@dataclass(frozen=True, slots=True)
class ImportChunk:
    """Consecutive rows of an import, stored in one transaction; `first_row` counts from 0."""

    request_id: str
    first_row: int
    rows: Sequence[Example | Refusal]

    @property
    def end(self) -> int:
        """Number of the row after the last."""
        return self.first_row + len(self.rows)

    def after(self, next_row: int) -> "ImportChunk":
        """What of it is not settled when all rows before `next_row` are."""
        first = min(max(self.first_row, next_row), self.end)
        return ImportChunk(self.request_id, first, self.rows[first - self.first_row :])

    def examples(self) -> list[Example]:
        """The rows that may be stored."""
        return [row for row in self.rows if isinstance(row, Example)]

    def refusals(self) -> list[tuple[int, Refusal]]:
        """The rows that may not, with their numbers."""
        numbered = enumerate(self.rows, self.first_row)
        return [(number, row) for number, row in numbered if isinstance(row, Refusal)]


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """What became of the rows of a chunk that were not settled before."""

    added: int = 0
    duplicates: int = 0
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far an import has come; `next_row` = added + duplicates + rejected."""

    next_row: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    finished: bool = False
    update_time: float = 0.0


@dataclass(slots=True)
class ImportReport:
    """What became of an import's rows: read = added + duplicates + rejected."""

    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[Refusal] = field(default_factory=list)

    @property
    def read(self) -> int:
        """Rows that were settled."""
        return self.added + self.duplicates + self.rejected


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
class ApiKey:
    """A key of the HTTP front; times are seconds since the epoch, UTC, None for what has not come.

    Of its secret only the SHA-256 is known here. An empty `user_id` reaches everybody's data.
    """

    id: str
    name: str
    prefix: str
    secret_sha256: bytes
    scopes: tuple[str, ...]
    user_id: str
    create_time: float
    expire_time: float | None = None
    revoke_time: float | None = None


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Rows in the store."""

    datasets: int
    examples: int
    conversations: int
    messages: int
    feedback: int
    archived: int


@dataclass(frozen=True, slots=True)
class Moved:
    """One step into the archive or out of it; `last_id` is empty when nothing is left to move.

    `kept` counts what stays archived, since the bank has its content under another id.
    """

    moved: int
    kept: int
    last_id: str


@dataclass(frozen=True, slots=True)
class UserCounts:
    """What was kept of a user."""

    conversations: int
    messages: int
    feedback: int
    examples: int


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
