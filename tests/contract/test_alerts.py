"""Prometheus accepts the rules, they fire when they should, and each is explained to whom it wakes."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.requirements import require

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "prometheus"
ALERT = re.compile(r"^ +- alert: (\w+)$", re.MULTILINE)
METRIC = re.compile(r"\bmcai_[a-z_]+")
SERIES = re.compile(r"_(total|bucket|count|sum)$")


@pytest.fixture(scope="module")
def promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        require("promtool", "it is not installed; Debian has it in the package `prometheus`")
    return found


@pytest.mark.parametrize(
    "arguments",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "rules.yml"),
        ("test", "rules", "rules_test.yml"),
    ],
    ids=lambda arguments: "-".join(arguments[:2]),
)
def test_prometheus_is_content(promtool: str, arguments: tuple[str, ...]) -> None:
    done = subprocess.run(  # noqa: S603 - fixed words, no shell
        [promtool, *arguments], cwd=RULES, check=False, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stdout + done.stderr


def alerts() -> list[str]:
    found = ALERT.findall((RULES / "rules.yml").read_text())
    assert len(set(found)) == len(found) > 0
    return found


def test_each_alert_has_its_heading_and_each_heading_its_alert() -> None:
    headings = re.findall(r"^### (\w+)$", (ROOT / "docs" / "operating.md").read_text(), re.MULTILINE)

    assert headings == alerts()


def test_each_alert_is_seen_to_fire() -> None:
    tests = (RULES / "rules_test.yml").read_text()
    firing = set(re.findall(r"alertname: (\w+)\n +exp_alerts:\n", tests))

    assert firing == set(alerts())


def test_each_metric_of_the_rules_is_declared_by_a_service() -> None:
    assert undeclared((RULES / "rules.yml").read_text()) == set()


def test_each_metric_of_the_dashboards_is_declared_by_a_service() -> None:
    assert undeclared((ROOT / "deploy" / "grafana" / "panels.yml").read_text()) == set()


def undeclared(queries: str) -> set[str]:
    """The metrics in some text that no service declares."""
    code = "\n".join(
        path.read_text()
        for package in ("servicekit", "gateway", "dataset-svc", "knowledge-svc", "task-svc", "monitor-svc")
        for path in (ROOT / package).rglob("*.py")
    )
    return {
        each
        for each in METRIC.findall(queries)
        if f'"{each}"' not in code and f'"{SERIES.sub("", each)}"' not in code
    }
