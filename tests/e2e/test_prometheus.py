"""A real Prometheus scrapes the real project, two replicas of each service: every rule, every panel."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.compose_project import ComposeProject, two_gateways
from tests.support.waiting import eventually

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

DASHBOARDS = Path(__file__).parents[2] / "deploy" / "grafana" / "dashboards"
SERVICES = ("gateway", "dataset-svc", "knowledge-svc", "task-svc", "monitor-svc")
# Two scrapes, 15 s apart, and a look at DNS every 5 s.
SCRAPED_SECONDS = 60.0


@pytest.fixture(scope="module")
def project(compose_project: ComposeProject) -> Iterator[ComposeProject]:
    with two_gateways(compose_project):
        yield compose_project


def targets(project: ComposeProject) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = project.prometheus("targets", state="active")["activeTargets"]
    return found


async def test_every_replica_is_scraped_once(project: ComposeProject) -> None:
    expected = sorted(SERVICES * 2)

    def all_are_up() -> bool:
        found = targets(project)
        assert sorted(each["labels"]["service"] for each in found) == expected, found
        return all(each["health"] == "up" for each in found)

    await eventually(all_are_up, SCRAPED_SECONDS)
    assert len({each["scrapeUrl"] for each in targets(project)}) == len(expected)
    # Two series that differ in nothing would have failed the scrape that they came with.
    refused = project.prometheus(
        "query", query="sum(prometheus_target_scrapes_sample_duplicate_timestamp_total) or vector(0)"
    )
    assert float(refused["result"][0]["value"][1]) == 0.0


async def test_every_rule_evaluates(project: ComposeProject) -> None:
    def all_are_well() -> bool:
        groups = project.prometheus("rules")["groups"]
        return bool(groups) and all(rule["health"] == "ok" for group in groups for rule in group["rules"])

    await eventually(all_are_well, SCRAPED_SECONDS)


def empty_panels(project: ComposeProject) -> list[str]:
    """Panels of which a query returns nothing."""
    empty = []
    for path in sorted(DASHBOARDS.glob("*.json")):
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$__rate_interval", "5m")
                if not project.prometheus("query", query=query)["result"]:
                    empty.append(f"{path.stem}: {panel['title']}: {query}")
    return empty


async def test_every_panel_of_the_dashboards_returns_data(project: ComposeProject) -> None:
    client = project.client

    def used_and_scraped() -> bool:
        project.ask("what can you do?")
        client.get("/api/search", params={"q": "python"}).raise_for_status()
        asked = {"kind": "cymatic", "parameters": {"size_pixels": 64}}
        client.post("/api/tasks", json=asked).raise_for_status()
        found = empty_panels(project)
        assert found == []
        return True

    await eventually(used_and_scraped, SCRAPED_SECONDS)
