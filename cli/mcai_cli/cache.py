"""`mcai cache`: what the cache of a running system holds; emptied, or warmed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from mcai_cli.errors import CommandError

group = typer.Typer(help="The cache of finished answers: looked at, emptied, warmed.", no_args_is_help=True)

Address = Annotated[
    str | None,
    typer.Option("--to", help="Address of the gateway; otherwise MCAI_URL, or http://127.0.0.1:8000."),
]

_TIMEOUT_SECONDS: Final = 10.0
_REFUSED: Final = 400
_MODES: Final = {
    "redis": "Redis shares it between all replicas",
    "embedded": "without Redis: it is this replica's alone",
}


@group.command()
def stats(to: Address = None) -> None:
    """Show what each tier holds and how many look-ups it answered since the start.

    A look-up asks memory, then Redis, and the local file where there is no Redis or while it is away. A tier
    that is "away" is not in use at this moment. MCAI_KEY may show a key.

    mcai cache stats
    """
    for line in told(_asked(to, "GET", "/api/system/stats")["redis"]):
        typer.echo(line)


@group.command()
def invalidate(
    example: Annotated[
        list[str] | None, typer.Option(help="Id of an example: what was built on it. May be repeated.")
    ] = None,
    domain: Annotated[
        list[str] | None,
        typer.Option(help="A dataset: what was looked for in it, or in all. May be repeated."),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that is cached.")] = False,
    to: Address = None,
) -> None:
    """Forget cached answers, in every tier, in every gateway, and on every replica that shares the Redis.

    It is hardly ever needed: an edit or a deletion of an example ends the answers that were built on it.
    Asks for an administrator's key in MCAI_KEY where keys are asked for at all.

    mcai cache invalidate --example 01a2189b-0fe0-7f3c-8be8-9090c660934b

    mcai cache invalidate --domain faq --domain shop

    mcai cache invalidate --all
    """
    if everything == bool(example or domain):
        raise CommandError("Name what to forget: --example, --domain, or --all for everything.")
    body = {"example_ids": example or [], "domains": domain or [], "all": everything}
    evicted = _asked(to, "POST", "/api/system/cache/invalidate", body)["evicted"]
    typer.echo(f"{evicted:,} answers are forgotten.")


@group.command()
def warm(
    entries: Annotated[
        int, typer.Option(min=1, max=100_000, help="At the most so many, the hottest first.")
    ] = 1_000,
    to: Address = None,
) -> None:
    """Load the answers that are asked for most from Redis, or the local file, into a replica's memory.

    A replica does so when it starts. Of several replicas the one that the gateway reaches is warmed.
    Asks for an administrator's key in MCAI_KEY where keys are asked for at all.

    mcai cache warm --entries 5000
    """
    loaded = _asked(to, "POST", "/api/system/cache/warm", {"max_entries": entries})["loaded"]
    typer.echo(f"{loaded:,} answers are in memory now.")


def told(cache: Mapping[str, Any]) -> Sequence[str]:
    """The figures of the cache in lines."""
    if not cache["reachable"]:
        raise CommandError("knowledge-svc does not answer, so nobody knows what the cache holds.")
    lookups, hits = cache["lookups"], cache["hits"]
    share = f", {hits / lookups:.1%}" if lookups else ""
    lines = [
        f"{cache['mode']}: {_MODES[cache['mode']]}",
        f"{lookups:,} look-ups, {hits:,} answered{share}; {cache['invalidated']:,} answers invalidated",
        "",
        f"{'tier':8} {'state':8} {'answers':>10} {'bytes':>14} {'at most':>14} {'look-ups answered':>18}",
    ]
    for tier in cache["tiers"]:
        state = "in use" if tier["available"] else "away"
        bound = _count(tier["max_bytes"]) if tier["max_bytes"] else "-"
        held = f"{_count(tier['entries']):>10} {_count(tier['bytes']):>14} {bound:>14}"
        lines.append(f"{tier['tier']:8} {state:8} {held} {tier['hits']:>18,}")
    return lines


def _count(number: int) -> str:
    return f"{number:,}" if number >= 0 else "?"


def _asked(
    to: str | None, method: str, path: str, body: Mapping[str, Any] | None = None
) -> Mapping[str, Any]:
    import httpx2  # noqa: PLC0415  it takes its time to import

    from mcai_cli.settings import ClientSettings  # noqa: PLC0415  as above

    settings = ClientSettings()
    url = to or settings.url
    try:
        answer = httpx2.request(
            method,
            f"{url.rstrip('/')}{path}",
            json=body,
            headers=settings.headers(),
            timeout=_TIMEOUT_SECONDS,
        )
    except httpx2.HTTPError as error:
        raise CommandError(
            f"No gateway answers at {url} ({type(error).__name__}): `mcai doctor` says more."
        ) from error
    if answer.status_code in {401, 403}:
        raise CommandError("The gateway asks for an administrator's key: set MCAI_KEY to one.")
    if answer.status_code >= _REFUSED:
        raise CommandError(f"The gateway refuses (status {answer.status_code}): {answer.text.strip()[:300]}")
    told_back: Mapping[str, Any] = answer.json()
    return told_back
