"""The settings of the services as a Markdown table, for the README."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from servicekit.settings import env_name


def settings_table(*settings_types: type[BaseSettings]) -> str:
    """Returns a row per environment variable of the given classes: its name, its default, what it says.

    A field that several classes inherit stands once.
    """
    rows: dict[str, str] = {}
    for settings_type in settings_types:
        for variable, field in _variables(settings_type):
            rows.setdefault(variable, f"| `{variable}` | {_default(field)} | {field.description or ''} |")
    return "\n".join(["| variable | default | what it does |", "|---|---|---|", *rows.values(), ""])


def _variables(settings_type: type[BaseModel]) -> Iterator[tuple[str, FieldInfo]]:
    for name, field in settings_type.model_fields.items():
        yield env_name(name, field), field


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value: Any = field.get_default(call_default_factory=False)
    if value is None:
        return "unset" if field.default_factory is None else "generated"
    return "secret" if isinstance(value, SecretStr) else f"`{value}`"
