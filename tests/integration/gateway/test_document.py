"""The OpenAPI document against the gateway that it describes."""

import asyncio
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.gateway_house import House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# About 45 operations: at 25 requests each the test takes some 15 s; `make fuzz` asks more.
EXAMPLES = 25
NOT_YET = 501  # a kind of task that this version does not make
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """A body of JSON lines as it was generated."""
    return str(value).encode("utf-8", "surrogateescape")


async def test_no_request_finds_a_fault_or_a_status_that_is_not_documented(house: House) -> None:
    document = (await house.client.get("/openapi.json")).json()

    failures = await asyncio.to_thread(_try_everything, document, house.listener.url)

    assert failures == []


def _try_everything(document: dict[str, Any], url: str) -> list[str]:
    """Sends generated requests to every operation; returns what went wrong, an operation a line."""
    schema = schemathesis.openapi.from_dict(document)
    failures = []
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()  # type: ignore[union-attr]  # the contract test knows that it is valid

        @settings(
            max_examples=EXAMPLES,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            response = case.call(base_url=url, timeout=20)
            if response.status_code != NOT_YET:
                case.validate_response(response, checks=CHECKS)

        try:
            check()
        except Exception as error:  # noqa: BLE001 - every operation is tried, whatever the ones before did
            failures.append(f"{operation.label}: {error}")
        tried += 1
    assert tried > 30
    return failures
