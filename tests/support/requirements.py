"""What a test does without the infrastructure it needs: fail where the environment names it, else skip.

`MCAI_REQUIRE` is a comma-separated list of `docker`, `postgres`, `redis`, `rabbitmq`, `s3`, `node`,
`promtool` and `data`. CI names what it has installed, so that a missing server fails there and skips, with
the reason printed, on a laptop.
"""

import os
from typing import NoReturn

import pytest


def required() -> frozenset[str]:
    """Names of the infrastructure that must be there."""
    listed = os.environ.get("MCAI_REQUIRE", "")  # noqa: TID251 - tests have no settings.py
    return frozenset(name.strip() for name in listed.split(",") if name.strip())


def require(name: str, reason: str) -> NoReturn:
    """Ends the test, as failed where `name` is required and as skipped elsewhere, since it is missing."""
    if name in required():
        pytest.fail(f"{name} is required by MCAI_REQUIRE and missing: {reason}", pytrace=False)
    pytest.skip(f"{name}: {reason}")
