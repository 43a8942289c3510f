"""What tables have in common: the columns of an export, and a column of metadata as JSON text."""

from collections.abc import Mapping
from typing import Any

from mcai_cli.reading.fields import folded
from mcai_cli.reading.json_values import JsonError, parsed_json
from mcai_cli.reading.model import Row

EXPORTED_FIELDS = ["domain", "prompt", "response", "metadata"]
"""The columns that `mcai export` writes."""


def exported_row(value: Mapping[str, Any], place: str) -> Row | None:
    """A row as `mcai export` writes it, its metadata to the letter; None for another one."""
    prompt, response, metadata = value.get("prompt"), value.get("response"), value.get("metadata")
    if not (isinstance(prompt, str) and prompt.strip() and isinstance(response, str) and response.strip()):
        return None
    if not (isinstance(metadata, str) and is_object_text(metadata)):
        return None
    domain = value.get("domain")
    return Row(prompt, response, place, domain.strip() if isinstance(domain, str) else "", metadata)


def with_metadata(value: Mapping[str, Any]) -> dict[str, Any]:
    """The cells of a row, of which one named metadata may hold a JSON object as text."""
    return {
        name: parsed_json(cell) if cell and folded(name) == "metadata" and is_object_text(cell) else cell
        for name, cell in value.items()
    }


def is_object_text(cell: Any) -> bool:
    """Whether a cell is the text of a JSON object."""
    if not (isinstance(cell, str) and cell.lstrip().startswith("{")):
        return False
    try:
        return isinstance(parsed_json(cell), dict)
    except JsonError:
        return False
