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
    round_interval_seconds: float = Field(
        0.5, gt=0, description="Time from one round to the next, in seconds."
    )
    round_timeout_seconds: float = Field(
        0.9, gt=0, description="What a round may take before the silent replicas have missed it, in seconds."
    )
    forget_seconds: float = Field(
        60.0, ge=0, description="How long a replica that DNS no longer names stays listed, in seconds."
    )
    warn_hold_seconds: float = Field(
        10.0, ge=0, description="How long a figure must be beyond a limit, or well within it, in seconds."
    )
    warn_resident_bytes: int = Field(
        500 * 2**20, gt=0, description="Memory of a process above which there is a warning, in bytes."
    )
    warn_cpu_percent: float = Field(
        80.0, gt=0, description="CPU use of a process above which there is a warning, in per cent of a core."
    )
    warn_error_ratio: float = Field(
        0.05, gt=0, description="Share of failed requests of a minute above which there is a warning, 0 to 1."
    )
    warn_latency_ms: float = Field(
        1000.0, gt=0, description="Mean time of a minute's requests above which there is a warning, in ms."
    )
    warn_queue_depth: float = Field(1000.0, gt=0, description="Waiting tasks above which there is a warning.")
    warn_queue_age_seconds: float = Field(
        120.0, gt=0, description="Wait of the oldest task above which there is a warning, in seconds."
    )
    warn_journal_pending: float = Field(
        1000.0, gt=0, description="Writes waiting in a service's journals above which there is a warning."
    )
    warn_lag_changes: float = Field(
        1000.0, gt=0, description="Changes that a replica is behind the bank above which there is a warning."
    )
    warn_cache_hit_ratio: float = Field(
        0.02, gt=0, description="Share of a minute's lookups found below which there is a warning, 0 to 1."
    )
    warn_disk_free_ratio: float = Field(
        0.1, gt=0, description="Share of a process's disk left below which there is a warning, 0 to 1."
    )
    history_max_rows: int = Field(10_000, gt=0, description="Transitions, and warnings, that are kept.")

    def limits(self) -> dict[str, float]:
        """Returns the limits of the warnings by the name of their figure."""
        return {
            name.removeprefix("warn_"): float(getattr(self, name))
            for name in type(self).model_fields
            if name.startswith("warn_") and name != "warn_hold_seconds"
        }
