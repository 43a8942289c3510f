"""Sends requests that have to be refused, from a process of its own, and says which were not.

    python -m tests.support.request_fuzz http://127.0.0.1:8000 10000 [SEED]

An answer has to be one problem with a 4xx status (below /v1 OpenAI's object), a sentence and no header that
the request brought along, and after it the connection has to end. With `house` for the address it starts the
services and a gateway of its own: `make fuzz`.
"""

import asyncio
import json
import sys
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests.support.hostile_requests import INJECTED, Hostile, HostileRequests

CLIENTS: Final = 8
ANSWER_SECONDS: Final = 30.0
_MOST_FAILURES: Final = 30
_SHOWN_BYTES: Final = 300


@dataclass
class Refusals:
    """What became of the requests.

    Attributes:
        sent: How many.
        statuses: How often each status was answered.
        kinds: How many there were of each kind.
        failures: Those that were not refused as they should be.
    """

    sent: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


async def attack(url: str, count: int, seed: int) -> Refusals:
    """Sends `count` requests to the gateway at `url`."""
    document = await asyncio.to_thread(_document, url)
    found = Refusals()
    pending = islice(HostileRequests(document, seed), count)
    address = urlsplit(url)
    where = (address.hostname or "", address.port or 80)

    async def client() -> None:
        for hostile in pending:
            await _send(where, hostile, found)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return found


def _document(url: str) -> dict[str, Any]:
    with urlopen(f"{url}/openapi.json", timeout=ANSWER_SECONDS) as response:  # noqa: S310 - the caller's own address
        found: dict[str, Any] = json.load(response)
    return found


async def _send(where: tuple[str, int], hostile: Hostile, found: Refusals) -> None:
    found.sent += 1
    found.kinds[hostile.kind] = found.kinds.get(hostile.kind, 0) + 1
    answer = b""
    try:
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await _answer(where, hostile.raw)
        status, fault = _judged(answer, below_v1=b" /v1/" in hostile.raw)
        found.statuses[status] = found.statuses.get(status, 0) + 1
    except (OSError, TimeoutError, ValueError) as error:
        fault = repr(error)
    if fault and len(found.failures) < _MOST_FAILURES:
        shown = f"{hostile.raw[:_SHOWN_BYTES]!r} -> {answer[:_SHOWN_BYTES]!r}"
        found.failures.append(f"{hostile.kind}: {fault}: {shown}")


async def _answer(where: tuple[str, int], raw: bytes) -> bytes:
    """Everything that comes back until the connection ends."""
    reader, writer = await asyncio.open_connection(*where)
    try:
        writer.write(raw)
        return await reader.read()
    finally:
        writer.transport.abort()


def _judged(answer: bytes, *, below_v1: bool) -> tuple[str, str]:
    """The status, and what is wrong with the answer; "" for nothing."""
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    status = first.split(" ")[1] if " " in first else ""
    if not (first.startswith("HTTP/1.1 4") and len(status) == len("400")):
        fault = "it is not refused"
    elif INJECTED in headers:
        fault = "it brought a header along"
    elif headers.get("x-content-type-options") != "nosniff":
        fault = "it has no security headers"
    elif len(body) != int(headers["content-length"]):
        fault = "more than one answer came back"
    else:
        fault = _misshapen(headers["content-type"], json.loads(body), int(status), below_v1=below_v1)
    return status, fault


def _misshapen(media_type: str, problem: dict[str, Any], status: int, *, below_v1: bool) -> str:
    if media_type == "application/problem+json":
        sentence, told = problem["detail"], problem["status"]
    elif media_type == "application/json" and below_v1:
        sentence, told = problem["error"]["message"], status
    else:
        return "it is no problem"
    if told != status:
        return "it tells another status"
    return "" if sentence.endswith((".", "provided")) else "it has no sentence"


async def _attack_house(count: int, seed: int) -> Refusals:
    from servicekit import logs  # noqa: PLC0415 - not for the process that attacks
    from tests.support.gateway_house import gateway_house  # noqa: PLC0415 - it loads all services

    logs.configure("CRITICAL", "json")
    async with gateway_house() as house:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.request_fuzz", house.listener.url, str(count), str(seed),
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, _ = await process.communicate()
        return Refusals(**json.loads(out))


def main() -> int:
    """Prints the findings as JSON; 1 if a request was not refused."""
    url, count, *seed = sys.argv[1:]
    chosen = int(seed[0]) if seed else 1
    found = asyncio.run(
        _attack_house(int(count), chosen) if url == "house" else attack(url, int(count), chosen)
    )
    sys.stdout.write(json.dumps(asdict(found), indent=2 if url == "house" else None) + "\n")
    return 1 if found.failures and url == "house" else 0


if __name__ == "__main__":
    sys.exit(main())
