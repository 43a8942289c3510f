"""A look at a running system, through its gateway."""

import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

import httpx2

from mcai_cli.doctor.model import Finding, good, note, wrong

TIMEOUT_SECONDS: Final = 5.0
QUESTION: Final = "what can you do?"
REMEDIES: Final = {
    "redis": "Look at `docker compose ps redis` and its logs; nothing is lost, and it is taken up again.",
    "postgres": "Look at `docker compose ps postgres` and its logs; writes wait in the journal meanwhile.",
    "broker": "Look at the broker of MCAI_BROKER_URL, and whether a task-worker runs; the local pool works "
    "meanwhile.",
    "history": "Look at the disk and the rights of monitor-svc's data directory; health is told meanwhile.",
}
_UNAUTHORISED: Final = 401
_FORBIDDEN: Final = 403
_REFUSED: Final = 400


def look(client: httpx2.Client) -> Iterator[Finding]:
    """Findings of the system at the client's address, the gravest question first: does it answer at all?"""
    url = client.base_url
    try:
        live = client.get("/livez")
    except httpx2.ConnectError:
        yield wrong(
            f"Nothing answers at {url}.",
            "Start a system with `make run` or `docker compose up --wait`, or name another with --to or "
            "MCAI_URL. In Compose, `docker compose ps` and `docker compose logs gateway` say why it ended.",
        )
        return
    except httpx2.HTTPError as error:
        yield wrong(
            f"What listens at {url} does not answer ({type(error).__name__}).",
            "It hangs or is overloaded: look at its logs and at `mcai top`, and restart it.",
        )
        return
    if not _is_ours(live):
        yield wrong(
            f"What answers at {url} is not MC AI.",
            "Another program has the port: start MC AI on another (PORT=, --port), and name that with --to.",
        )
        return
    yield good(f"The gateway answers at {url}.")
    yield from _health(client)
    yield from _chat(client)


def _is_ours(response: httpx2.Response) -> bool:
    try:
        return bool(response.json()["status"] == "ok")
    except (ValueError, KeyError, TypeError):
        return False


def _health(client: httpx2.Client) -> Iterator[Finding]:
    try:
        response = client.get("/api/system/health")
    except httpx2.HTTPError as error:
        yield wrong(
            f"The health of the system is not told ({type(error).__name__}).",
            "Look at the logs of the gateway and of monitor-svc.",
        )
        return
    if response.status_code in {_UNAUTHORISED, _FORBIDDEN}:
        yield note(
            "The health of the system needs a key that may see it.",
            "Set MCAI_KEY to an administrator's key, and run the doctor again.",
        )
        return
    if response.status_code >= _REFUSED:
        yield wrong(
            f"The health of the system is refused with status {response.status_code}.",
            "Look at the logs of the gateway: `mcai logs` reads them.",
        )
        return
    yield from findings_of(response.json())


def findings_of(health: Mapping[str, Any]) -> Iterator[Finding]:
    """Findings of what `/api/system/health` says."""
    if health.get("source") != "monitor":
        yield wrong(
            "monitor-svc is away: this is the gateway's own view, without history and warnings.",
            "Look at `docker compose ps monitor-svc` and its logs.",
        )
    for name, capability in health.get("capabilities", {}).items():
        if capability["status"] == "ok":
            yield good(f"Capability {name}: ok.")
        else:
            yield wrong(
                f"Capability {name}: {capability['status']} since {_moment(capability['since'])}: "
                f"{capability['message'] or 'no reason is told'}",
                "What is behind it stands below.",
            )
    for name in health.get("degraded", ()):
        yield wrong(f"The system works without {name}.", REMEDIES.get(name, _remedy(name)))
    for component in health.get("components", ()):
        if component["status"] != "healthy" and component["name"] not in health.get("degraded", ()):
            yield wrong(
                f"{component['name']} is {component['status']}: {component['message']}",
                _remedy(component["name"]),
            )
    for warning in health.get("warnings", ()):
        yield note(f"Warning: {warning}", "`mcai system warnings` says since when.")
    yield from _versions(health)


def _versions(health: Mapping[str, Any]) -> Iterator[Finding]:
    versions = {
        replica["version"]
        for component in health.get("components", ())
        for replica in component.get("replicas", ())
        if replica.get("version")
    }
    if len(versions) > 1:
        yield note(
            f"The replicas have different versions: {', '.join(sorted(versions))}.",
            "That is well during an update; afterwards, restart the older ones.",
        )


def _chat(client: httpx2.Client) -> Iterator[Finding]:
    begun = time.monotonic()
    try:
        response = client.post("/api/chat", json={"message": QUESTION})
    except httpx2.HTTPError as error:
        yield wrong(f"A question to the chat got no answer ({type(error).__name__}).", _remedy("gateway"))
        return
    took = 1000 * (time.monotonic() - begun)
    if response.status_code in {_UNAUTHORISED, _FORBIDDEN}:
        yield note(
            "The chat needs a key.", "Set MCAI_KEY to one (`mcai keys create`), and run the doctor again."
        )
    elif response.status_code >= _REFUSED:
        yield wrong(f"A question to the chat is refused: {_detail(response)}", "What is away stands above.")
    else:
        yield good(f"A question to the chat is answered in {took:.0f} ms.")


def _remedy(name: str) -> str:
    return (
        f"In Compose look at `docker compose ps {name}` and `docker compose logs {name} | mcai logs`, and "
        f"restart it with `docker compose restart {name}`; embedded, look at what `mcai run` prints."
    )


def _moment(stamp: str) -> str:
    return stamp.partition(".")[0].replace("T", " ") + " UTC"


def _detail(response: httpx2.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"
