import gc

import pytest
from prometheus_client import CollectorRegistry

from servicekit.errors import ConfigurationError
from servicekit.metrics import ServerMetrics, shared, start_metrics_server


def test_a_registry_has_one_of_each() -> None:
    one, other = CollectorRegistry(), CollectorRegistry()

    assert shared(one, ServerMetrics) is shared(one, ServerMetrics)
    assert shared(one, ServerMetrics) is not shared(other, ServerMetrics)


def test_what_is_shared_goes_with_its_registry() -> None:
    made: list[int] = []

    class Counted:
        def __init__(self, registry: CollectorRegistry) -> None:
            made.append(id(registry))

    shared(CollectorRegistry(), Counted)
    gc.collect()
    shared(CollectorRegistry(), Counted)

    assert len(made) == 2


@pytest.mark.parametrize("listen", ["nonsense", "127.0.0.1", "127.0.0.1:99999"])
def test_a_malformed_address_is_one_sentence(listen: str) -> None:
    with pytest.raises(ConfigurationError, match="host:port"):
        start_metrics_server(listen, CollectorRegistry())
