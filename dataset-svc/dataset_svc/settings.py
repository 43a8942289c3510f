"""What the bank can be told by its environment."""

from pydantic import Field, SecretStr

from servicekit.settings import ServiceSettings


class DatasetSettings(ServiceSettings):
    """Settings of dataset-svc."""

    listen: str = Field("0.0.0.0:50051", description="gRPC address: `host:port` or `unix:/path.sock`.")
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL of the bank; unset: a SQLite file in the data directory."
    )
    load_starter: bool = Field(True, description="Whether a bank that was never used gets the starter bank.")
    database_connections: int = Field(8, ge=1, description="Connections to PostgreSQL at the most.")
    database_connect_seconds: float = Field(
        2.0, gt=0, description="What it may take to reach PostgreSQL and log in, in seconds."
    )
    database_statement_seconds: float = Field(
        5.0, gt=0, description="What a statement may take before PostgreSQL ends it, in seconds."
    )
    database_call_seconds: float = Field(
        10.0, gt=0, description="What a whole call of PostgreSQL may take, whatever hangs, in seconds."
    )
    index_heap_bytes: int = Field(
        15_000_000,
        ge=15_000_000,
        description="Memory that the search index takes while it writes, in bytes; tantivy's least is 15 MB.",
    )
    rotation_interval_seconds: float = Field(
        300.0, gt=0, description="Time between two looks at the datasets' rules of retention, in seconds."
    )
    start_wait_seconds: float = Field(
        10.0,
        ge=0,
        description="How long a start waits for the store before it listens without it, in seconds.",
    )
