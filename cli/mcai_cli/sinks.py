"""Where imported rows go: through a running gateway, or straight into a data directory.

Both take batches; each batch is stored before the call returns, and equal rows are stored once, so an import
that broke off is simply repeated.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Protocol

import httpx2
import msgspec

from mcai_cli.errors import CommandError
from mcai_cli.reading.model import Rejected, Row
from mcai_cli.settings import ClientSettings

REQUEST_TIMEOUT_SECONDS = 120.0


@dataclass(slots=True)
class Report:
    """What became of rows: read = added + duplicates + rejected."""

    read: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)

    def merge(self, other: "Report") -> None:
        """Add what became of other rows."""
        self.read += other.read
        self.added += other.added
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self.rejections += other.rejections


class Sink(Protocol):
    """Takes rows; raises `CommandError` when they cannot be stored, having stored none or some of them."""

    async def send(self, rows: Sequence[Row]) -> Report:
        """Store a batch of rows, at most 1,000, and say what became of them."""


class GatewaySink:
    """Posts rows as JSON Lines to a running gateway."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._encoder = msgspec.json.Encoder()

    def _line(self, row: Row) -> bytes:
        return self._encoder.encode(
            {
                "prompt": row.prompt,
                "response": row.response,
                "domain": row.domain,
                "metadata": _one_line(row.metadata_json),
                "origin": row.origin,
            }
        )

    async def send(self, rows: Sequence[Row]) -> Report:
        """Post one batch."""
        body = b"\n".join(self._line(row) for row in rows)
        headers = {"content-type": "application/x-ndjson", "accept": "application/json"}
        try:
            response = await self._client.post("/api/datasets:import", content=body, headers=headers)
        except httpx2.ConnectError as error:
            raise CommandError(
                f"No gateway answers at {self._client.base_url}: start one with `make run`, name another "
                "with --to URL, or write straight into a data directory with --data-dir."
            ) from error
        except httpx2.HTTPError as error:
            raise CommandError(
                f"The gateway broke off ({type(error).__name__}). Run the same command again: "
                "what is stored already is not stored twice."
            ) from error
        if response.status_code != httpx2.codes.OK:
            raise CommandError(f"The gateway refused the rows ({response.status_code}): {_detail(response)}")
        report = response.json()["report"]
        rejections = [Rejected(entry["origin"], entry["reason"]) for entry in report.pop("rejections")]
        return Report(**report, rejections=rejections)


def _one_line(metadata_json: str) -> msgspec.Raw:
    # The only line breaks in a JSON text stand between its tokens.
    return msgspec.Raw(metadata_json.replace("\n", " ").replace("\r", " ").encode())


def _detail(response: httpx2.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return response.text[:200]
    return str(problem.get("detail") or problem.get("error") or problem)


@asynccontextmanager
async def gateway_sink(url: str) -> AsyncIterator[Sink]:
    """A sink into the gateway at `url`."""
    headers = ClientSettings().headers()
    async with httpx2.AsyncClient(base_url=url, headers=headers, timeout=REQUEST_TIMEOUT_SECONDS) as client:
        yield GatewaySink(client)
