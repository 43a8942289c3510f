"""The OpenAPI document against the gateway that it describes."""

import asyncio
import json
import sys
from typing import Any

import pytest

from tests.support.gateway_house import House

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# About 45 operations: at 25 requests each the test takes some 15 s.
EXAMPLES = 25


async def test_no_request_finds_a_fault_or_a_status_that_is_not_documented(house: House) -> None:
    found = await _fuzz(house.listener.url)

    assert found["failures"] == []
    assert found["operations"] > 30
    assert found["sent"] > 10 * found["operations"]
    # On a busy machine a service may be taken for absent for a moment, and say so; that stays the exception.
    assert found["away"] <= found["sent"] // 50


async def _fuzz(url: str) -> dict[str, Any]:
    """Returns the findings of `tests.support.document_fuzz`."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.document_fuzz",
        url,
        str(EXAMPLES),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    findings: dict[str, Any] = json.loads(out)
    return findings
