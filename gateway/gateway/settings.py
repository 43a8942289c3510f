"""What the gateway can be told by its environment."""

from typing import Literal

from pydantic import Field, SecretStr

from gateway.addresses import is_loopback
from servicekit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Settings of the gateway."""

    host: str = Field("127.0.0.1", description="Address that HTTP is served on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that HTTP is served on; 0 takes a free one.")

    workers: int = Field(
        1, ge=1, le=64, description="Processes that answer HTTP requests; they share the port."
    )
    recycle_requests: int = Field(
        0,
        ge=0,
        description="Requests after which a worker is replaced, give or take a tenth; 0: never.",
    )

    dataset_target: str = Field("dns:///dataset-svc:50051", description="Address of dataset-svc.")
    knowledge_target: str = Field("dns:///knowledge-svc:50051", description="Address of knowledge-svc.")
    task_target: str = Field("dns:///task-svc:50051", description="Address of task-svc.")
    monitor_target: str = Field("dns:///monitor-svc:50051", description="Address of monitor-svc.")

    request_timeout_seconds: float = Field(
        10.0, gt=0, description="Time that a request gets in all; streams are not bound by it, in seconds."
    )
    dataset_timeout_seconds: float = Field(
        2.0, gt=0, description="Time that one call to dataset-svc gets, in seconds."
    )
    knowledge_timeout_seconds: float = Field(
        0.5, gt=0, description="Time that one call to knowledge-svc gets, in seconds."
    )
    knowledge_wait_seconds: float = Field(
        0.2, ge=0, description="How long to wait for another caller who works on the same answer, in seconds."
    )
    task_timeout_seconds: float = Field(
        2.0, gt=0, description="Time that one call to task-svc gets, in seconds."
    )
    monitor_timeout_seconds: float = Field(
        1.5, gt=0, description="Time that one call to monitor-svc gets, in seconds."
    )
    answer_timeout_seconds: float = Field(
        5.0, gt=0, description="Time that the chat gets to work an answer out, in seconds."
    )
    answer_min_confidence: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Least confidence of an example that may be quoted as the answer, 0 to 1.",
    )
    answer_max_sources: int = Field(5, ge=1, le=20, description="Sources named under an answer at the most.")
    answer_max_suggestions: int = Field(
        3, ge=0, le=10, description="Suggestions at the most, where the bank does not know."
    )
    keep_alive_seconds: float = Field(
        15.0, gt=0, description="Time between two comments that keep a silent event stream open, in seconds."
    )

    redis_url: SecretStr | None = Field(
        None, description="Redis that all replicas share; unset: the cache is this process's alone."
    )
    redis_call_ms: float = Field(
        100.0,
        gt=0,
        description="What Redis may cost a request before the gateway counts alone, in milliseconds.",
    )
    rate_limit_key: int = Field(
        6_000, ge=0, description="Requests of a key within `MCAI_RATE_LIMIT_SECONDS`; 0 counts none."
    )
    rate_limit_address: int = Field(
        12_000, ge=0, description="The same for an address that is not this machine's; 0 counts none."
    )
    rate_limit_seconds: float = Field(
        60.0, gt=0, description="Time in which an empty token bucket fills again, in seconds."
    )
    max_concurrent_requests: int = Field(
        256, gt=0, description="Requests that are answered at a time; more are refused at once with 503."
    )
    max_streams: int = Field(1_024, gt=0, description="Streams of events that may be open at a time.")
    stream_max_seconds: float = Field(
        600.0, gt=0, description="Time that a streamed answer may take in all, in seconds."
    )

    max_connections: int = Field(
        4_096, gt=0, description="Connections at a time; one more is told 503 and closed."
    )
    head_timeout_seconds: float = Field(
        10.0, gt=0, description="Time in which a request's line and headers must have arrived, in seconds."
    )
    upload_timeout_seconds: float = Field(
        30.0, gt=0, description="Time that an import may be silent between two pieces of it, in seconds."
    )
    stalled_timeout_seconds: float = Field(
        30.0, gt=0, description="Time after which a client that does not read is cut off, in seconds."
    )
    idle_timeout_seconds: int = Field(
        30, gt=0, description="Time that an idle connection is kept for the next request, in seconds."
    )
    max_connection_requests: int = Field(
        10_000, gt=0, description="Requests after which a connection is closed, so that load spreads anew."
    )

    max_body_bytes: int = Field(
        2 * 2**20, gt=0, description="Largest request body; imports are not bound by it, in bytes."
    )
    max_import_line_bytes: int = Field(
        4 * 2**20, gt=0, description="Longest line of an imported JSON Lines body, in bytes."
    )
    max_message_characters: int = Field(
        8_192, gt=0, le=16_384, description="Longest message to the chat, in characters."
    )
    max_history_messages: int = Field(
        100, ge=0, description="Messages of `conversation_history` that are read; older ones are left out."
    )

    near_cache_bytes: int = Field(
        8 * 2**20,
        ge=0,
        description="Memory for answers that are held in the gateway while knowledge-svc vouches for them, "
        "in bytes; 0 asks it every time.",
    )
    last_answers_bytes: int = Field(
        4 * 2**20,
        ge=0,
        description="Memory for answers that are given again while the bank is away, in bytes.",
    )
    journal_max_messages: int = Field(
        100_000, gt=0, description="Messages that may wait for dataset-svc in the gateway's journal."
    )

    auth: Literal["auto", "required", "off"] = Field(
        "auto",
        description="Whether clients need a key: `auto` asks for none on loopback, `required`, or `off`.",
    )
    published_host: str | None = Field(
        None, description="Address that a container's port is published on, for `auto`; unset: `MCAI_HOST`."
    )
    cors_origins: str = Field(
        "",
        description="Origins whose pages may use the API, such as `https://a.org`, by commas; unset: none.",
    )
    admin_token: SecretStr | None = Field(
        None,
        description="A key that may do everything; unset where keys are needed: one in the data directory.",
    )
    keys_refresh_seconds: float = Field(
        2.0, gt=0, description="Time after which a key revoked elsewhere is refused here too, in seconds."
    )

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """The origins of `cors_origins`."""
        return tuple(each.strip() for each in self.cors_origins.split(",") if each.strip())

    @property
    def asks_for_keys(self) -> bool:
        """Whether clients need a key."""
        return self.auth == "required" or (
            self.auth == "auto" and not is_loopback(self.published_host or self.host)
        )
