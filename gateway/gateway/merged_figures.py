"""The figures of several workers as those of one gateway: sums of what each has counted."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from gateway.limits import LimitMetrics
from gateway.metrics import GatewayMetrics

_OWN_METRICS: Final = (GatewayMetrics, LimitMetrics)


_Sums = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class MergedFigures(Collector):
    """Tells the gateway's own metrics, summed over the workers.

    Args:
        texts: Returns what each worker has counted, in Prometheus' text format.
    """

    def __init__(self, texts: Callable[[], Iterable[str]]) -> None:
        self._texts = texts
        self._families = {each.name: each for each in self.describe()}
        self._past: dict[str, _Sums] = {}

    def describe(self) -> list[Metric]:
        """Returns the metrics without their values."""
        registry = CollectorRegistry()
        for kind in _OWN_METRICS:
            kind(registry)
        return list(registry.collect())

    def keep(self, text: str) -> None:
        """Keeps what an ended worker had counted, since a sum must not go back."""
        self._add(text, self._past, only_sums=True)

    def collect(self) -> Iterator[Metric]:
        """Returns the metrics as they are at this moment."""
        sums = {name: dict(values) for name, values in self._past.items()}
        for text in self._texts():
            self._add(text, sums, only_sums=False)
        for name, values in sums.items():
            known = self._families[name]
            family = Metric(name, known.documentation, known.type)
            for (sample_name, labels), value in values.items():
                family.add_sample(sample_name, dict(labels), value)
            yield family

    def _add(self, text: str, sums: dict[str, _Sums], *, only_sums: bool) -> None:
        for family in text_string_to_metric_families(text):
            if family.name not in self._families or (only_sums and family.type == "gauge"):
                continue
            values = sums.setdefault(family.name, {})
            for sample in family.samples:
                if not sample.name.endswith("_created"):
                    key = (sample.name, tuple(sorted(sample.labels.items())))
                    values[key] = values.get(key, 0.0) + sample.value
