"""What the gateway can be told by its environment."""

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings


class GatewaySettings(ServiceSettings):
    """Settings of the gateway."""

    host: str = Field("127.0.0.1", description="Address that HTTP is served on.")
    port: int = Field(8000, ge=0, le=65535, description="Port that HTTP is served on; 0 takes a free one.")

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

    near_store_bytes: int = Field(
        4 * 2**20,
        ge=0,
        description="Memory for answers that are given again while the bank is away, in bytes.",
    )
    journal_max_messages: int = Field(
        100_000, gt=0, description="Messages that may wait for dataset-svc in the gateway's journal."
    )

    admin_token: SecretStr | None = Field(
        None,
        description="Token for the administrative routes; unset: only clients on this machine may use them.",
    )
