"""`mcai top`: replicas, rates and queues of a running system, live."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import httpx2
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from mcai_cli.errors import CommandError
from mcai_cli.settings import ClientSettings

_TIMEOUT_SECONDS: Final = 5.0
_REFUSED: Final = 400
_PIPE_COLUMNS: Final = 140
_STYLES: Final = {
    "ok": "green", "healthy": "green", "degraded": "yellow", "down": "bold red", "unhealthy": "bold red",
}  # fmt: skip
# What a component may tell of itself, how it is headed, by what it is multiplied, and its decimals.
_FIGURES: Final = (
    ("requests_per_second", "calls/s", 1, 1),
    ("latency_ms", "mean ms", 1, 1),
    ("error_ratio", "failed %", 100, 1),
    ("cache_hit_ratio", "cached %", 100, 0),
    ("queue_depth", "queued", 1, 0),
    ("queue_age_seconds", "oldest s", 1, 0),
    ("journal_pending", "journal", 1, 0),
    ("lag_changes", "behind", 1, 0),
)


def watch(to: str | None, interval_seconds: float, *, once: bool) -> None:
    """Show the system until Ctrl-C, or once; raises CommandError when the first look fails."""
    settings = ClientSettings()
    asyncio.run(_watch(to or settings.url, settings.headers(), interval_seconds, once=once))


async def _watch(url: str, headers: dict[str, str], interval_seconds: float, *, once: bool) -> None:
    console = Console()
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS) as client:
        first = await _asked(client)
        if once or not console.is_terminal:
            # A file or a pipe has no width.
            wide = console if console.is_terminal else Console(width=_PIPE_COLUMNS)
            wide.print(shown(url, *first))
            return
        with Live(shown(url, *first), console=console, screen=True, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(interval_seconds)
                try:
                    live.update(shown(url, *await _asked(client)), refresh=True)
                except CommandError as error:
                    live.update(Text(str(error), "bold red"), refresh=True)


def shown(url: str, health: Mapping[str, Any], stats: Mapping[str, Any]) -> RenderableType:
    """One picture of the system."""
    return Group(_head(url, health), _components(health), _totals(stats), *_warnings(health))


async def _asked(client: httpx2.AsyncClient) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        answers = [await client.get(path) for path in ("/api/system/health", "/api/system/stats")]
    except httpx2.HTTPError as error:
        raise CommandError(
            f"No gateway answers at {client.base_url} ({type(error).__name__}): `mcai doctor` says more."
        ) from error
    for answer in answers:
        if answer.status_code >= _REFUSED:
            raise CommandError(
                f"The gateway refuses to tell its health (status {answer.status_code}): MCAI_KEY must hold "
                "an administrator's key."
            )
    health, stats = (answer.json() for answer in answers)
    return health, stats


def _head(url: str, health: Mapping[str, Any]) -> Text:
    parts: list[Any] = [f"{url}  ", _state(health["status"])]
    for name, capability in health.get("capabilities", {}).items():
        parts += [f"   {name} ", _state(capability["status"])]
    if degraded := health.get("degraded"):
        parts.append((f"   without {', '.join(degraded)}", "yellow"))
    return Text.assemble(*parts)


def _components(health: Mapping[str, Any]) -> Table:
    components = health.get("components", ())
    # What nobody tells at the moment takes no room.
    columns = [each for each in _FIGURES if any(each[0] in one.get("figures", {}) for one in components)]
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    table.add_column("service", no_wrap=True, min_width=len("knowledge-svc"))
    table.add_column("state", no_wrap=True, min_width=len("unhealthy"))
    for heading in ("replicas", *(heading for _, heading, _, _ in columns), "MB", "CPU %"):
        table.add_column(heading, justify="right", no_wrap=True)
    for component in components:
        replicas, figures = component.get("replicas", ()), component.get("figures", {})
        serving = sum(bool(each["serving"]) for each in replicas)
        table.add_row(
            component["name"],
            Text(*_state(component["status"])),
            f"{serving}/{len(replicas)}" if replicas else "",
            *(_number(figures.get(name), factor, decimals) for name, _, factor, decimals in columns),
            _number(sum(each["memory_mb"] for each in replicas) if replicas else None, 1, 0),
            _number(sum(each["cpu_percent"] for each in replicas) if replicas else None, 1, 0),
        )
    return table


def _totals(stats: Mapping[str, Any]) -> Text:
    performance, database = stats.get("performance", {}), stats.get("database", {})
    words = [
        f"{performance.get('requests_total', 0):,} requests",
        f"{performance.get('requests_failed', 0):,} failed",
        f"{performance.get('avg_latency_ms', 0.0):.1f} ms mean",
        f"{performance.get('cache_hit_rate', 0.0):.0%} of look-ups cached",
        f"{database.get('examples', 0):,} examples in {database.get('datasets', 0):,} datasets",
    ]
    return Text("\n" + "   ".join(words))


def _warnings(health: Mapping[str, Any]) -> list[Text]:
    return [Text(f"! {each}", "yellow") for each in health.get("warnings", ())]


def _state(status: str) -> tuple[str, str]:
    return status, _STYLES.get(status, "yellow")


def _number(value: float | None, factor: float, decimals: int) -> str:
    return "" if value is None else f"{value * factor:,.{decimals}f}"
