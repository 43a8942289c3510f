"""What the gateway counts, and the totals that it tells by itself."""

from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from gateway.chat.model import Answer, Tier

# From a cached answer to a slow stream, in seconds.
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SERVER_FAULT: Final = 500


@dataclass(slots=True)
class Totals:
    """Sums since the start of this process; `seconds` is over all requests."""

    requests: int = 0
    failed: int = 0
    seconds: float = 0.0
    cache_hits: int = 0
    cache_misses: int = 0

    @property
    def mean_latency_ms(self) -> float:
        """Mean time of a request, in milliseconds; 0 before the first."""
        return 1000 * self.seconds / self.requests if self.requests else 0.0

    @property
    def cache_hit_rate(self) -> float:
        """Share of the chat's answers that came from the cache, 0 to 1; 0 before the first."""
        looked_up = self.cache_hits + self.cache_misses
        return self.cache_hits / looked_up if looked_up else 0.0


class GatewayMetrics:
    """The gateway's metrics; labels are bounded by the routes and by the chat's own words."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.totals = Totals()
        self._requests = Counter(
            "mcai_http_requests_total",
            "Requests that ended, by the status that they were answered with.",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "mcai_http_request_seconds",
            "Time from a request's arrival to the end of its answer, in seconds.",
            ("route",),
            registry=registry,
            buckets=_BUCKETS,
        )
        self._in_progress = Gauge(
            "mcai_http_requests_in_progress", "Requests that are being answered.", registry=registry
        )
        self._running = 0
        self._in_progress.set_function(lambda: self._running)
        self._ended: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}
        self._answered: dict[tuple[str, str], Counter] = {}
        self._answers = Counter(
            "mcai_chat_answers_total",
            "Answers of the chat, by what sort they were and where they were recalled from.",
            ("kind", "tier"),
            registry=registry,
        )

    def began(self) -> None:
        """Notes that a request has arrived."""
        self._running += 1

    def ended(self, method: str, route: str, status: int, seconds: float) -> None:
        """Notes that a request was answered; `route` is the path's template."""
        self._running -= 1
        ended = self._ended.get((method, route, status))
        if ended is None:
            # Finding a metric by its labels costs as much as counting in all of them.
            ended = self._requests.labels(method, route, str(status)), self._seconds.labels(route)
            self._ended[method, route, status] = ended
        ended[0].inc()
        ended[1].observe(seconds)
        self.totals.requests += 1
        self.totals.failed += status >= _SERVER_FAULT
        self.totals.seconds += seconds

    def answered(self, answer: Answer) -> None:
        """Notes an answer of the chat."""
        labels = answer.kind.value, answer.cache_tier.value
        counter = self._answered.get(labels)
        if counter is None:
            counter = self._answered[labels] = self._answers.labels(*labels)
        counter.inc()
        if answer.cache_tier is Tier.MISS:
            self.totals.cache_misses += 1
        else:
            self.totals.cache_hits += 1
