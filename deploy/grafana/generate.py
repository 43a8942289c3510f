"""Write the dashboards: `make dashboards`.

They are kept as panels.yml, since Grafana's own format hides what matters in what does not.
"""

import json
from pathlib import Path
from typing import Any, Final

import yaml

HERE: Final = Path(__file__).parent
DIRECTORY: Final = HERE / "dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_COLUMNS: Final = 24
_WIDTH: Final = 8
_HEIGHT: Final = 8


def dashboards() -> dict[str, dict[str, Any]]:
    """Returns all of them as Grafana reads them, by the name of their file."""
    read: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "panels.yml").read_text())
    return {name: _dashboard(name, each) for name, each in read.items()}


def text(dashboard: dict[str, Any]) -> str:
    """Returns one as it is written."""
    return json.dumps(dashboard, indent=1) + "\n"


def _dashboard(name: str, read: dict[str, Any]) -> dict[str, Any]:
    panels, x, y = [], 0, 0
    for number, panel in enumerate(read["panels"], start=1):
        width = panel.get("width", _WIDTH)
        if x + width > _COLUMNS:
            x, y = 0, y + _HEIGHT
        panels.append(_panel(number, panel, {"x": x, "y": y, "w": width, "h": _HEIGHT}))
        x += width
    return {
        "uid": f"mcai-{name}",
        "title": f"MC AI: {read['title']}",
        "tags": ["mcai"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "15s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["mcai"], "asDropdown": False, "title": "MC AI"}],
        "panels": panels,
    }


def _panel(number: int, panel: dict[str, Any], place: dict[str, int]) -> dict[str, Any]:
    return {
        "id": number,
        "type": panel.get("shows", "timeseries"),
        "title": panel["title"],
        "description": panel["description"],
        "datasource": _SOURCE,
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": panel["unit"], "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for at, (legend, query) in enumerate(panel["queries"].items())
        ],
    }


def main() -> None:
    """Writes all of them."""
    for name, each in dashboards().items():
        (DIRECTORY / f"{name}.json").write_text(text(each))


if __name__ == "__main__":
    main()
