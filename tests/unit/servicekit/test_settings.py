import pytest
from pydantic import Field, SecretStr

from servicekit.errors import ConfigurationError
from servicekit.reference import settings_table
from servicekit.settings import ServiceSettings, load


class CacheSettings(ServiceSettings):
    redis_url: SecretStr | None = Field(None, description="Redis; unset: embedded mode.")
    memory_bytes: int = Field(67_108_864, gt=0, description="Bound of the memory tier, in bytes.")
    secret_pin: SecretStr = Field(SecretStr("1234"), min_length=4, description="A secret.")
    region: str = Field(description="No default.")


def test_defaults_are_the_embedded_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCAI_REGION", "eu")

    settings = load(CacheSettings)

    assert settings.redis_url is None
    assert settings.service_token is None
    assert settings.metrics_listen is None
    assert settings.region == "eu"


def test_the_environment_is_read_and_an_override_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCAI_LISTEN", "0.0.0.0:1")
    monkeypatch.setenv("MCAI_DRAIN_SECONDS", "1.5")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")

    settings = load(CacheSettings, region="eu", listen="unix:/run/x.sock")

    assert (settings.listen, settings.drain_seconds) == ("unix:/run/x.sock", 1.5)
    assert settings.otlp_endpoint == "http://collector:4317"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCAI_SERVICE_TOKEN", "")

    assert load(CacheSettings, region="eu").service_token is None


@pytest.mark.parametrize(
    ("variable", "value"),
    [("MCAI_DRAIN_SECONDS", "soon"), ("MCAI_MEMORY_BYTES", "-1"), ("MCAI_LOG_FORMAT", "xml")],
)
def test_a_wrong_value_is_one_sentence_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(ConfigurationError) as raised:
        load(CacheSettings, region="eu")

    sentence = str(raised.value)
    assert variable in sentence
    assert value in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_a_missing_value_names_its_variable() -> None:
    with pytest.raises(ConfigurationError, match="MCAI_REGION: field required"):
        load(CacheSettings)


def test_a_secret_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MCAI_SECRET_PIN", "abc")

    with pytest.raises(ConfigurationError, match="MCAI_SECRET_PIN") as raised:
        load(CacheSettings, region="eu")

    assert "abc" not in str(raised.value)


def test_every_setting_is_described_and_its_unit_is_in_its_name() -> None:
    for name, field in ServiceSettings.model_fields.items():
        assert field.description, name
        if field.annotation in {int, float}:
            assert name.endswith(("_seconds", "_ms", "_bytes")), name


def test_the_reference_has_a_row_for_each_variable_once() -> None:
    table = settings_table(ServiceSettings, CacheSettings)

    assert table.count("`MCAI_LISTEN`") == 1
    assert "| `MCAI_MEMORY_BYTES` | `67108864` | Bound of the memory tier, in bytes. |" in table
    assert "| `MCAI_REDIS_URL` | unset | Redis; unset: embedded mode. |" in table
    assert "| `MCAI_REGION` | required | No default. |" in table
    assert "1234" not in table
    assert "`OTEL_EXPORTER_OTLP_ENDPOINT`" in table
