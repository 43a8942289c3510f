"""What the monitor answers, one method per RPC."""

from collections.abc import AsyncIterator, Callable

from monitor_svc.model import Point, SystemHealth, Transition, Warned
from monitor_svc.ports import History
from monitor_svc.rounds import Rounds
from monitor_svc.timeline import COARSE_PERIOD_SECONDS, COARSE_SECONDS, FINE_PERIOD_SECONDS, FINE_SECONDS
from servicekit.errors import InvalidArgument
from servicekit.pages import clamp_page_size, decode_token, encode_token

DEFAULT_PAGE_ROWS = 50
MAX_PAGE_ROWS = 500
DEFAULT_PERIOD_SECONDS = 3600.0


class MonitorService:
    """The use-cases of the monitor.

    Args:
        rounds: The newest round.
        history: What was.
        expose: Renders the metrics in Prometheus' text format.
        clock: Seconds since the epoch.
    """

    def __init__(
        self, rounds: Rounds, history: History, expose: Callable[[], str], clock: Callable[[], float]
    ) -> None:
        self._rounds = rounds
        self._history = history
        self._expose = expose
        self._clock = clock

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
        rows = await self._history.page(service, _before(page_token), limit + 1)
        return [each for _, each in rows[:limit]], _next([number for number, _ in rows], limit)

    async def warnings(self, page_size: int, page_token: str) -> tuple[list[Warned], str]:
        """A page of warnings, newest first, and the token of the next; raises InvalidArgument."""
        limit = clamp_page_size(page_size, DEFAULT_PAGE_ROWS, MAX_PAGE_ROWS)
        rows = await self._history.warnings(_before(page_token), limit + 1)
        return [each for _, each in rows[:limit]], _next([number for number, _ in rows], limit)

    async def figure_history(
        self, service: str, figure: str, period_seconds: float | None
    ) -> tuple[list[Point], float]:
        """How a figure went, oldest first, and the time between two points; raises InvalidArgument."""
        if not figure:
            raise InvalidArgument("figure is empty; name one, such as latency_ms.")
        period = DEFAULT_PERIOD_SECONDS if period_seconds is None else period_seconds
        if not 0 < period <= COARSE_PERIOD_SECONDS:
            raise InvalidArgument("period is to be more than nothing and 30 days at the most.")
        fine = period <= FINE_PERIOD_SECONDS
        points = await self._history.points(service, figure, self._clock() - period, fine=fine)
        return points, FINE_SECONDS if fine else COARSE_SECONDS

    def metrics(self) -> str:
        """The aggregate in Prometheus' text format."""
        return self._expose()


def _before(page_token: str) -> int | None:
    before = decode_token(page_token).get("before")
    if before is not None and not isinstance(before, int):
        raise InvalidArgument("page_token is not one that this service gave out.")
    return before


def _next(numbers: list[int], limit: int) -> str:
    return encode_token({"before": numbers[limit - 1]}) if len(numbers) > limit else ""
