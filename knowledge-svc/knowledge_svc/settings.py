"""Settings of knowledge-svc; the only place that reads its environment."""

from pydantic import Field, SecretStr

from knowledge_svc.model import EntryKind, Lifetimes
from servicekit.settings import ServiceSettings


class KnowledgeSettings(ServiceSettings):
    """What knowledge-svc can be told by its environment."""

    listen: str = Field("0.0.0.0:50052", description="gRPC address: `host:port` or `unix:/path.sock`.")
    redis_url: SecretStr | None = Field(
        None, description="Redis that all replicas share; unset: the cache is this process's alone."
    )
    redis_budget_ms: float = Field(
        25.0, gt=0, description="What Redis may cost a lookup before the local tier answers, in milliseconds."
    )
    dataset_target: str | None = Field(
        None, description="dataset-svc, whose changes end cached answers; unset: only their age does."
    )
    memory_max_bytes: int = Field(
        32 * 1024 * 1024, ge=1024 * 1024, description="Bound of the answers in memory, in bytes."
    )
    local_max_bytes: int = Field(
        256 * 1024 * 1024, ge=1024 * 1024, description="Bound of the answers in the local file, in bytes."
    )
    answer_ttl_seconds: float = Field(3_600.0, gt=0, description="How long an answer is fresh, in seconds.")
    negative_ttl_seconds: float = Field(
        30.0, gt=0, description="How long the lack of an answer is believed, in seconds."
    )
    dataset_ttl_seconds: float = Field(
        86_400.0, gt=0, description="How long a fact about a dataset is fresh, in seconds."
    )
    stale_grace_ratio: float = Field(
        1.0,
        ge=0,
        le=10,
        description="How long a stale answer may be served while it is renewed, as a share of its freshness.",
    )
    warm_entries: int = Field(
        1_000,
        ge=0,
        le=100_000,
        description="Answers that are loaded into memory at the start, the hottest first; 0 loads none.",
    )
    share_paraphrases: bool = Field(
        False,
        description="Whether questions that differ in nothing but contractions and ways to begin share an "
        "answer; the same on all replicas.",
    )
    lease_seconds: float = Field(
        10.0, gt=0, le=300, description="How long one caller may compute before another one may, in seconds."
    )

    @property
    def lifetimes(self) -> Lifetimes:
        """How long entries live, by kind."""
        seconds = {
            EntryKind.ANSWER: self.answer_ttl_seconds,
            EntryKind.NEGATIVE: self.negative_ttl_seconds,
            EntryKind.DATASET: self.dataset_ttl_seconds,
        }
        return Lifetimes(seconds, grace=self.stale_grace_ratio)
