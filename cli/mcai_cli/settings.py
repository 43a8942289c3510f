"""What the command line is told by its environment, when it speaks to a running system."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientSettings(BaseSettings):
    """Where the gateway is, and the secrets that are shown: no arguments, since others can read those."""

    model_config = SettingsConfigDict(env_prefix="MCAI_", env_ignore_empty=True, extra="ignore")

    url: str = Field("http://127.0.0.1:8000", description="Address of the gateway.")
    key: SecretStr | None = Field(None, description="What it is shown as `Authorization: Bearer`.")
    service_token: SecretStr | None = Field(None, description="What a service is shown at grpc://.")

    def headers(self) -> dict[str, str]:
        """Returns the headers that show the key."""
        return {"authorization": f"Bearer {self.key.get_secret_value()}"} if self.key is not None else {}
