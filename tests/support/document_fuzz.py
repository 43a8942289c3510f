"""Requests made up from an OpenAPI document, sent from a process of their own.

In the process of the services, making the requests up would hold their event loop for longer than their calls
have time, and they would rightly take one another for absent.

    python -m tests.support.document_fuzz http://127.0.0.1:8000 25
"""

import json
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

import httpx2
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

_NOT_YET = 501  # a kind of task that this version does not make
_AWAY = 503
_CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
_CHECKS_OF_A_REFUSAL = [check for check in _CHECKS if check is not not_a_server_error]


@dataclass
class Findings:
    """What the requests found.

    Attributes:
        operations: Operations that were tried.
        sent: Requests that were sent.
        away: Answers that said, as documented, that a service is away for the moment and when to come back.
        failures: What went wrong, an operation a line.
    """

    operations: int = 0
    sent: int = 0
    away: int = 0
    failures: list[str] = field(default_factory=list)


@schemathesis.serializer("application/x-ndjson")
def lines(_context: Any, value: Any) -> bytes:
    """A body of JSON lines as it was generated."""
    return str(value).encode("utf-8", "surrogateescape")


def try_everything(url: str, examples: int) -> Findings:
    """Sends up to `examples` requests to every operation of the document at `url`/openapi.json."""
    schema = schemathesis.openapi.from_dict(httpx2.get(f"{url}/openapi.json", timeout=20).json())
    found = Findings()
    for result in schema.get_all_operations():
        operation = result.ok()  # type: ignore[union-attr]  # the contract test knows that it is valid
        try:
            _try(operation, url, examples, found)
        except (Exception, FailureGroup) as error:  # noqa: BLE001 - every operation is tried
            found.failures.append(f"{operation.label}: {error}")
        found.operations += 1
    return found


def _try(operation: Any, url: str, examples: int, found: Findings) -> None:
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def check(case: Any) -> None:
        response = case.call(base_url=url, timeout=20)
        found.sent += 1
        if response.status_code == _AWAY and "retry-after" in response.headers:
            found.away += 1
            case.validate_response(response, checks=_CHECKS_OF_A_REFUSAL)
        elif response.status_code != _NOT_YET:
            case.validate_response(response, checks=_CHECKS)

    check()


if __name__ == "__main__":
    sys.stdout.write(json.dumps(asdict(try_everything(sys.argv[1], int(sys.argv[2])))))
