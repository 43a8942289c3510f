"""Whether the gateway can answer: what its health probes found out about each service, as they left it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from gateway.backends import Peer, Peers
from servicekit.errors import PeerUnavailable
from servicekit.health import Probe

ESSENTIAL: Final = frozenset({"knowledge-svc", "dataset-svc"})
"""Without both of them only what this gateway answered last can be answered."""


@dataclass(frozen=True, slots=True)
class Readings:
    """One look at the readiness; `degraded` names what the system works without."""

    ready: bool
    degraded: tuple[str, ...]


class Readiness:
    """Remembers what each service said last; the probes run in the gateway's gRPC server, once a second.

    Args:
        peers: The services.
        known_answers: How many of its last answers the gateway holds.
        own_degraded: Names of what this process works without.
        recovered: Called with the name of a service each time that it answers a probe.
    """

    def __init__(
        self,
        peers: Peers,
        known_answers: Callable[[], int],
        own_degraded: Callable[[], frozenset[str]],
        recovered: Callable[[str], None],
    ) -> None:
        self._peers = peers
        self._known_answers = known_answers
        self._own_degraded = own_degraded
        self._recovered = recovered
        self._reported: dict[str, frozenset[str]] = {}

    def probes(self) -> tuple[Probe, ...]:
        """Returns a probe for each service; without any one of them the gateway still serves."""
        return tuple(Probe(peer.name, self._check(peer), critical=False) for peer in self._peers.everyone())

    def read(self) -> Readings:
        """Returns how things stand."""
        ready = not self._away() >= ESSENTIAL or self._known_answers() > 0
        return Readings(ready, tuple(sorted(self.degraded())))

    def degraded(self) -> frozenset[str]:
        """Returns what the system works without."""
        return frozenset(self._away()).union(self._own_degraded(), *self._reported.values())

    def _away(self) -> set[str]:
        return {peer.name for peer in self._peers.everyone()} - self._reported.keys()

    def _check(self, peer: Peer[Any]) -> Callable[[], Any]:
        async def check() -> None:
            reported: frozenset[str] | None = None
            try:
                status = await peer.status()
                if not status.serving:
                    raise PeerUnavailable(f"{peer.name} is not serving.")
                reported = frozenset(status.degraded)
                self._recovered(peer.name)
            finally:  # a probe that takes too long is cancelled: that is no answer either
                if reported is None:
                    self._reported.pop(peer.name, None)
                else:
                    self._reported[peer.name] = reported

        return check
