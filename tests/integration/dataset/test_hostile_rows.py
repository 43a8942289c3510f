"""Whatever rows a caller sends: an import that adds up, with a sentence for each that is refused."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mcai.dataset.v1 import bank_pb2
from tests.support.dataset_replica import Replica, dataset_replica, import_requests

OFTEN = settings(
    max_examples=40,
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
TEXTS = st.sampled_from(["", " ", "What is light?", "\0", "\ufffe", "x" * 30_000]) | st.text(max_size=30)
ROWS = st.builds(
    bank_pb2.ImportRow,
    domain=st.sampled_from(["", "optics", "Optics!", "../etc"]) | st.text(max_size=10),
    prompt=TEXTS,
    response=TEXTS,
    metadata_json=st.sampled_from(["", "{}", '{"a": 1}', "[]", "{", '{"a": NaN}', "9" * 5_000]) | TEXTS,
    origin=TEXTS,
    problem=st.sampled_from(["", "", "", "It is broken."]),
)


@pytest.fixture(params=["sqlite", "postgres"])
async def replica(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Replica]:
    chosen = {}
    if request.param == "postgres":
        chosen["database_url"] = request.getfixturevalue("postgres_url")
    async with dataset_replica(tmp_path, **chosen) as running:
        yield running


@OFTEN
@given(
    batches=st.lists(st.lists(ROWS, max_size=8), max_size=4), default_domain=st.sampled_from(["", "optics"])
)
async def test_an_import_of_anything_adds_up(
    replica: Replica, batches: list[list[bank_pb2.ImportRow]], default_domain: str
) -> None:
    before = (await replica.stats()).examples

    report = await replica.stub.ImportExamples(import_requests(batches, default_domain))

    assert report.read == sum(map(len, batches))
    assert report.read == report.added + report.duplicates + report.rejected
    assert all(row.reason.endswith(".") for row in report.rejections), report.rejections
    exported = [
        each
        async for batch in replica.stub.ExportExamples(bank_pb2.ExportExamplesRequest())
        for each in batch.examples
    ]
    assert (await replica.stats()).examples == before + report.added == len(exported)
