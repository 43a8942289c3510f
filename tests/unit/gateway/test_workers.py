"""After how many requests a worker is replaced."""

from pathlib import Path
from typing import Any

import pytest

from gateway.settings import GatewaySettings
from gateway.workers import Workers
from servicekit.settings import load


@pytest.mark.parametrize(("drawn", "requests"), [(0.0, 900), (0.5, 1000), (1.0, 1100)])
def test_workers_are_replaced_after_so_many_requests_give_or_take_a_tenth(
    drawn: float, requests: int
) -> None:
    bound: Any = None
    settings = load(GatewaySettings, workers=2, recycle_requests=1_000)

    assert Workers(settings, bound, Path(), lambda: drawn)._recycle_after() == requests


def test_without_the_setting_none_is() -> None:
    bound: Any = None

    assert Workers(load(GatewaySettings, workers=2), bound, Path(), lambda: 1.0)._recycle_after() == 0
