"""Working without a dependency, visibly: one warning, a counter, and a name in the answer.

Only fallback.py files use it. A fallback calls `degrade` each time it answers in place of the real
thing and `recover` when the real thing has answered again.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token

from prometheus_client import CollectorRegistry, Counter, Gauge

from servicekit.logs import get_logger
from servicekit.metrics import shared

_log = get_logger(__name__)
_names: ContextVar[set[str] | None] = ContextVar("mcai_degraded", default=None)


def collecting() -> AbstractContextManager[set[str]]:
    """Gives the block a set that gathers the dependencies its answer was made without.

    Tasks started inside add to the same set. What an inner block gathers, the outer one gets as well.
    """
    return _Collecting()


class _Collecting:
    """A class and no generator: every request and every call enters some of these."""

    __slots__ = ("_found", "_outer", "_token")

    def __init__(self) -> None:
        self._found: set[str] = set()
        self._outer: set[str] | None
        self._token: Token[set[str] | None]

    def __enter__(self) -> set[str]:
        self._outer = _names.get()
        self._token = _names.set(self._found)
        return self._found

    def __exit__(self, *_: object) -> None:
        _names.reset(self._token)
        if self._outer is not None:
            self._outer |= self._found


def current() -> frozenset[str]:
    """Returns what the current request has had to do without so far."""
    return frozenset(_names.get() or ())


def note(names: Iterable[str]) -> None:
    """Adds names to the current request's set, such as those that a peer reported; outside one, nothing."""
    gathered = _names.get()
    if gathered is not None:
        gathered.update(names)


class DegradationMetrics:
    """The metrics of all degradations on one registry, and which are active. Get it by `shared`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.answers = Counter(
            "mcai_degraded_answers_total",
            "Answers that were made without a dependency.",
            ("dependency",),
            registry=registry,
        )
        self.active = Gauge(
            "mcai_degraded",
            "Parts of this process that work without the dependency at this moment.",
            ("dependency",),
            registry=registry,
        )
        self.degradations: list[Degradation] = []

    def names(self) -> frozenset[str]:
        """Returns the dependencies that some part of the process works without at this moment."""
        return frozenset(each.dependency for each in self.degradations if each.active)


class Degradation:
    """Whether one fallback stands in for one dependency at this moment."""

    def __init__(self, dependency: str, registry: CollectorRegistry) -> None:
        self.dependency = dependency
        self._active = False
        metrics = shared(registry, DegradationMetrics)
        metrics.degradations.append(self)
        self._answers = metrics.answers.labels(dependency)
        self._gauge = metrics.active.labels(dependency)

    @property
    def active(self) -> bool:
        """Whether the last word was `degrade`."""
        return self._active

    def degrade(self, error: BaseException | None = None) -> None:
        """Notes that the current answer is made without the dependency; `error` says why."""
        note((self.dependency,))
        self._answers.inc()
        if self._active:
            return
        self._active = True
        self._gauge.inc()
        _log.warning("degraded", dependency=self.dependency, error=str(error) if error else None)

    def recover(self) -> None:
        """Notes that the dependency has answered again."""
        if not self._active:
            return
        self._active = False
        self._gauge.dec()
        _log.info("recovered", dependency=self.dependency)
