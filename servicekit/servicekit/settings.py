"""Settings that every service has, and how they are loaded: from the environment, checked once, at start."""

import os
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict

from servicekit.errors import ConfigurationError

ENV_PREFIX: Final = "MCAI_"

SettingsType = TypeVar("SettingsType", bound=BaseSettings)


class ServiceSettings(BaseSettings):
    """What every process of the system can be told by its environment."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX, env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    listen: str = Field("127.0.0.1:50051", description="gRPC address: `host:port` or `unix:/path.sock`.")
    metrics_listen: str | None = Field(None, description="Prometheus address, `host:port`; unset: no port.")
    data_dir: Path = Field(Path(".mcai"), description="Directory of everything that the process keeps.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="Least level logged.")
    log_format: Literal["json", "console"] = Field("json", description="`json`, or `console` for people.")
    service_token: SecretStr | None = Field(
        None, description="Token that the services show each other; unset: none is asked for."
    )
    tls_dir: Path | None = Field(
        None,
        description="Folder with `ca.pem`, `cert.pem`, `key.pem` for mutual TLS of gRPC; unset: no TLS.",
    )
    tls_name: str = Field("mcai", description="Name that the certificate of every service bears.")
    drain_seconds: float = Field(
        5.0, ge=0, description="Time that running calls get to end after SIGTERM, in seconds."
    )
    probe_interval_seconds: float = Field(
        1.0, gt=0, description="Time between two rounds of health probes, in seconds."
    )
    max_connection_age_seconds: float = Field(
        60.0,
        gt=0,
        description="Age at which a gRPC connection is renewed, so that clients find new replicas.",
    )
    otlp_endpoint: str | None = Field(
        None,
        validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT"),
        description="OpenTelemetry collector, OTLP over gRPC; unset: no spans are recorded.",
    )


def load(settings_type: type[SettingsType], **overrides: Any) -> SettingsType:
    """Returns the settings from the environment; an override, by field name, wins over it.

    What the environment does not say is looked for in the folders that MCAI_SECRETS_DIR names, separated
    by colons: a file `mcai_database_url` there holds the value of MCAI_DATABASE_URL.

    Raises:
        ConfigurationError: A value is missing or malformed; the sentence names the environment variable.
    """
    try:
        return settings_type(_secrets_dir=_secrets_directories(), **overrides)
    except ValidationError as error:
        faults = "; ".join(_fault(settings_type, fault) for fault in error.errors())
        raise ConfigurationError(f"The configuration is wrong: {faults}.") from None


def _secrets_directories() -> list[str] | None:
    # A folder that is not mounted holds no secrets, which is no fault: the services mount what they need.
    named = os.environ.get(f"{ENV_PREFIX}SECRETS_DIR", "").split(os.pathsep)
    return [directory for directory in named if Path(directory).is_dir() and directory] or None


def env_name(name: str, field: FieldInfo) -> str:
    """Returns the environment variable that a field is read from."""
    alias = field.validation_alias
    if isinstance(alias, AliasChoices):
        return str(alias.choices[0])
    return alias if isinstance(alias, str) else f"{ENV_PREFIX}{name}".upper()


def _fault(settings_type: type[BaseSettings], fault: Any) -> str:
    """One clause for one of pydantic's errors; the value is shown unless it is a secret or absent."""
    location = str(fault["loc"][0]) if fault["loc"] else ""
    variable = location
    secret = False
    for name, field in settings_type.model_fields.items():
        if location in {name, env_name(name, field)}:
            variable = env_name(name, field)
            secret = "Secret" in str(field.annotation)
    message = fault["msg"][:1].lower() + fault["msg"][1:]
    shown = "" if secret or fault["type"] == "missing" else f" (it is {fault['input']!r})"
    return f"{variable}: {message}{shown}"
