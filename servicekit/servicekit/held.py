"""Metrics of what a process holds towards others: its breakers and its pools of connections."""

from typing import Final, Protocol

from prometheus_client import CollectorRegistry, Gauge

from servicekit.breaker import Breaker, State

_LEVELS: Final = {State.CLOSED: 0, State.HALF_OPEN: 1, State.OPEN: 2}


class Pool(Protocol):
    """A pool of connections, as far as its metrics need it."""

    @property
    def size(self) -> int:
        """Most connections that it lends at a time."""

    @property
    def lent(self) -> int:
        """Connections that are lent at this moment."""

    @property
    def waiting(self) -> int:
        """Callers that wait for one."""


class HeldMetrics:
    """The breakers and pools of one registry, read when they are asked for. Get it by `shared`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._breaker = Gauge(
            "mcai_breaker_state",
            "Whether the dependency is called: 0 yes, 1 one as a probe, 2 no; the worst of several.",
            ("dependency",),
            registry=registry,
        )
        self._breakers: dict[str, list[Breaker]] = {}
        self._connections = Gauge(
            "mcai_pool_connections",
            "Connections to a store: the most that there may be, and those that are in use.",
            ("pool", "state"),
            registry=registry,
        )
        self._waiting = Gauge(
            "mcai_pool_waiting", "Calls that wait for a connection.", ("pool",), registry=registry
        )

    def watch_breaker(self, breaker: Breaker) -> Breaker:
        """Has the state of a breaker told under its name, and returns it."""
        named = self._breakers.setdefault(breaker.name, [])
        named.append(breaker)
        self._breaker.labels(breaker.name).set_function(lambda: max(_LEVELS[each.state] for each in named))
        return breaker

    def watch_pool(self, name: str, pool: Pool) -> None:
        """Has the use of a pool told under a name."""
        self._connections.labels(name, "most").set_function(lambda: pool.size)
        self._connections.labels(name, "lent").set_function(lambda: pool.lent)
        self._waiting.labels(name).set_function(lambda: pool.waiting)
