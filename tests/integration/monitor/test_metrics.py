"""The metrics of a really running system: each that is declared is scraped, by the rules, and none twice."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import psutil
import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.support.truth_house import TruthHouse, truth_house
from tests.support.waiting import eventually

ROOT = Path(__file__).parents[3]
PACKAGES = {name: f"{name}-svc" for name in ("dataset", "knowledge", "task", "monitor")} | {
    "gateway": "gateway"
}
DECLARED = re.compile(r'\b(?:Counter|Gauge|Histogram)\(\s*"(mcai_\w+)"')
# What every process tells of itself, and every gRPC server of its calls.
OF_ALL = {"mcai_build_info", "mcai_grpc_server_handled", "mcai_grpc_server_handling_seconds", "mcai_degraded"}
OF_STORES = {"mcai_breaker_state", "mcai_pool_connections", "mcai_pool_waiting"}
# Names of what there is a handful of; an id, a user or a text must never be one.
LABELS = {
    "capability",
    "code",
    "dependency",
    "durability",
    "figure",
    "journal",
    "kind",
    "le",
    "method",
    "outcome",
    "pool",
    "python",
    "reason",
    "route",
    "service",
    "state",
    "status",
    "tier",
    "version",
    "why",
}
MOST_SERIES = 2_000


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[TruthHouse]:
    async with truth_house(tmp_path) as running:
        yield running


async def scraped(address: str) -> list[Metric]:
    async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as client:
        response = (await client.get(f"http://{address}/metrics")).raise_for_status()
    assert "process_resident_memory_bytes" in response.text
    return [each for each in text_string_to_metric_families(response.text) if each.name.startswith("mcai_")]


def declared(package: str) -> set[str]:
    """Names in the code of a package, as a scrape tells them: without the ending of a counter."""
    code = "\n".join(path.read_text() for path in (ROOT / package).rglob("*.py"))
    return {name.removesuffix("_total") for name in DECLARED.findall(code)}


@pytest.mark.timeout(120)
async def test_each_declared_metric_is_scraped_and_keeps_the_rules(house: TruthHouse) -> None:
    (await house.client.post("/api/chat", json={"message": "what can you do?"})).raise_for_status()
    (await house.client.get("/api/search", params={"q": "python"})).raise_for_status()
    (await house.client.post("/api/tasks", json={"kind": "cymatic"})).raise_for_status()
    families = {name: await scraped(address) for name, address in house.metrics.items()}

    for name, found in families.items():
        names = [each.name for each in found]
        assert set(names) >= declared(PACKAGES[name]) | OF_ALL, name
        assert len(names) == len(set(names)), name
        assert sum(len(each.samples) for each in found) < MOST_SERIES
        for each in found:
            assert each.documentation.endswith("."), each.name
            assert each.type != "histogram" or each.name.endswith(("_seconds", "_bytes")), each.name
            series = [(sample.name, tuple(sorted(sample.labels.items()))) for sample in each.samples]
            assert len(series) == len(set(series)), each.name
            for sample in each.samples:
                assert each.type != "counter" or sample.name.endswith(("_total", "_created")), sample.name
                assert set(sample.labels) <= LABELS, sample
    for name in ("dataset", "task"):
        assert {each.name for each in families[name]} >= OF_STORES, name


async def test_memory_and_processor_time_are_those_of_proc(house: TruthHouse) -> None:
    for name, package in PACKAGES.items():
        process = house.process(name)

        async def told(process: psutil.Process = process, package: str = package) -> bool:
            """In the stats, which are of the monitor's last round."""
            figures = (await house.client.get("/api/system/stats")).json()["figures"][package]
            assert figures["resident_bytes"] == pytest.approx(process.memory_info().rss, rel=0.1)
            return True

        await eventually(told)
        metrics = await everything_scraped(house.metrics[name])
        times = process.cpu_times()
        assert metrics["process_resident_memory_bytes"] == pytest.approx(process.memory_info().rss, rel=0.1)
        assert metrics["process_cpu_seconds_total"] == pytest.approx(times.user + times.system, abs=1.0)


async def everything_scraped(address: str) -> dict[str, float]:
    """The samples without labels."""
    async with httpx2.AsyncClient(trust_env=False, timeout=10.0) as client:
        text = (await client.get(f"http://{address}/metrics")).text
    families = text_string_to_metric_families(text)
    return {each.name: each.value for family in families for each in family.samples if not each.labels}
