"""What the monitor answers, one method per RPC."""

from collections.abc import AsyncIterator, Callable

from monitor_svc.model import SystemHealth, Transition
from monitor_svc.ports import History
from monitor_svc.rounds import Rounds
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

DEFAULT_PAGE_ROWS = 50
MAX_PAGE_ROWS = 500


class MonitorService:
    """The use-cases of the monitor; `expose` renders the metrics in Prometheus' text format."""

    def __init__(self, rounds: Rounds, history: History, expose: Callable[[], str]) -> None:
        self._rounds = rounds
        self._history = history
        self._expose = expose

    async def system_health(self, max_age_seconds: float | None) -> SystemHealth:
        """The newest round, renewed first if it is older than asked; raises NotYetProbed."""
        if max_age_seconds is None:
            return self._rounds.newest()
        return await self._rounds.at_most_old(max_age_seconds)

    def watch(self) -> AsyncIterator[SystemHealth]:
        """The present state at once and each later one that differs."""
        return self._rounds.watch()

    async def history(self, service: str, page_size: int, page_token: str) -> tuple[list[Transition], str]:
        """A page of transitions, newest first, and the token of the next; raises InvalidArgument."""
        limit = clamp_page_size(page_size, DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS)
        before = decode_token(page_token).get("before")
        if before is not None and not isinstance(before, int):
            raise InvalidArgument("page_token is not one that this service gave out.")
        rows = await self._history.page(service, before, limit + 1)
        page = rows[:limit]
        token = encode_token({"before": page[-1][0]}) if len(rows) > limit else ""
        return [transition for _, transition in page], token

    def metrics(self) -> str:
        """The aggregate in Prometheus' text format."""
        return self._expose()
