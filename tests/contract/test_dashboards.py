"""The dashboards are what their panels generate, and what Grafana can read."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy" / "grafana"


def load_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("dashboards", GRAFANA / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def dashboards() -> dict[str, dict[str, Any]]:
    return {
        path.stem: json.loads(path.read_text()) for path in sorted((GRAFANA / "dashboards").glob("*.json"))
    }


def test_generating_again_changes_nothing() -> None:
    generator = load_generator()
    generated = {name: generator.text(each) for name, each in generator.dashboards().items()}

    assert generated == {path.stem: path.read_text() for path in (GRAFANA / "dashboards").glob("*.json")}


def test_there_is_one_for_each_room_and_no_two_share_an_id() -> None:
    assert set(dashboards()) == {"overview", "chat", "bank", "cache", "tasks", "service"}
    assert len({each["uid"] for each in dashboards().values()}) == len(dashboards())


@pytest.mark.parametrize("name", dashboards())
def test_each_panel_says_what_it_shows_in_what_unit_and_none_lies_upon_another(name: str) -> None:
    panels = dashboards()[name]["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        assert panel["description"].endswith(".")
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert all(target["expr"] and target["legendFormat"] for target in panel["targets"])
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (column, row)
            for column in range(place["x"], place["x"] + place["w"])
            for row in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells)
        taken |= cells


def test_the_source_is_the_one_that_is_provisioned() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())[
        "datasources"
    ]
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in compose
    assert {
        target["datasource"]["uid"]
        for dashboard in dashboards().values()
        for panel in dashboard["panels"]
        for target in panel["targets"]
    } == {source["uid"]}
