"""What the monitor can be told by its environment."""

from pydantic import Field

from servicekit.settings import ServiceSettings


class MonitorSettings(ServiceSettings):
    """Settings of monitor-svc."""

    gateway_target: str | None = Field(None, description="gRPC address of the gateways; unset: not watched.")
    dataset_target: str | None = Field(None, description="Address of dataset-svc; unset: not watched.")
    knowledge_target: str | None = Field(None, description="Address of knowledge-svc; unset: not watched.")
    task_target: str | None = Field(None, description="Address of task-svc; unset: not watched.")
    monitor_target: str | None = Field(
        None, description="Address of the monitors themselves; unset: only this replica is watched."
    )
    round_interval_seconds: float = Field(2.0, gt=0, description="Time between two rounds, in seconds.")
    round_timeout_seconds: float = Field(
        1.0, gt=0, description="What a round may take before the silent replicas count as away, in seconds."
    )
    forget_seconds: float = Field(
        300.0, ge=0, description="How long a replica that DNS no longer names stays listed, in seconds."
    )
    warn_resident_bytes: int = Field(
        500 * 2**20, gt=0, description="Memory of a process above which there is a warning, in bytes."
    )
    warn_cpu_percent: float = Field(
        80.0, gt=0, description="CPU use of a process above which there is a warning, in per cent of a core."
    )
    history_max_rows: int = Field(10_000, gt=0, description="Transitions that are kept.")
