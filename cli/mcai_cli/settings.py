"""What the command line is told by its environment, when it speaks to a running gateway."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientSettings(BaseSettings):
    """Where the gateway is, and the key that it is shown: no argument, since those can be read by others."""

    model_config = SettingsConfigDict(env_prefix="MCAI_", env_ignore_empty=True, extra="ignore")

    url: str = Field("http://127.0.0.1:8000", description="Address of the gateway.")
    key: SecretStr | None = Field(None, description="What it is shown as `Authorization: Bearer`.")

    def headers(self) -> dict[str, str]:
        """Returns the headers that show the key."""
        return {"authorization": f"Bearer {self.key.get_secret_value()}"} if self.key is not None else {}
