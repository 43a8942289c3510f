"""A bank behind a running gateway, over HTTP."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Final
from urllib.parse import quote

import httpx2
import msgspec

from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.ports import Bank, Dataset, Report
from mcai_cli.reading.model import Rejected, Row

CONNECT_SECONDS: Final = 10.0
CALL_SECONDS: Final = 120.0
"""Time that the gateway may be silent; after the last row the bank brings its index up to date."""
EXPORT_BATCH_ROWS: Final = 500
NDJSON: Final = "application/x-ndjson"
PAGE_ROWS: Final = 500
AWAY: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses of what may go better next time."""


class _Line(msgspec.Struct):
    """A line of the import and of the export."""

    domain: str
    prompt: str
    response: str
    metadata: msgspec.Raw
    origin: str = ""
    id: str = ""


class GatewayBank:
    """Streams rows to and from a gateway."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._encoder = msgspec.json.Encoder()
        self._decoder = msgspec.json.Decoder(_Line)

    async def next_row(self, request_id: str) -> int:
        """Ask how far the import has come."""
        settled = await self._get(f"/api/datasets:import/{quote(request_id, safe='')}", {})
        return int(settled["next_row"])

    async def add(self, request_id: str, first_row: int, batches: AsyncIterator[Sequence[Row]]) -> Report:
        """Post the rows as one body, as they come."""
        headers = {"content-type": NDJSON, "accept": "application/json", "idempotency-key": request_id}
        with self._told():
            response = await self._client.post(
                "/api/datasets:import",
                params={"first_row": first_row},
                content=self._body(batches),
                headers=headers,
            )
        self._check(response)
        report = response.json()["report"]
        rejections = [Rejected(entry["origin"], entry["reason"]) for entry in report.pop("rejections")]
        return Report(**report, rejections=rejections)

    async def _body(self, batches: AsyncIterator[Sequence[Row]]) -> AsyncIterator[bytes]:
        async for rows in batches:
            lines = [
                _Line(row.domain, row.prompt, row.response, one_line(row.metadata_json), row.origin)
                for row in rows
            ]
            # A blank line is no row, and says that more will come.
            yield self._encoder.encode_lines(lines) or b"\n"

    async def datasets(self) -> list[Dataset]:
        """All pages of the list."""
        found: list[Dataset] = []
        token = ""
        while True:
            page = await self._get("/api/datasets", {"page_size": PAGE_ROWS, "page_token": token})
            found += [
                Dataset(
                    each["domain"],
                    each["example_count"],
                    each["description"],
                    each.get("retention_days", 0),
                    each.get("max_examples", 0),
                )
                for each in page["datasets"]
            ]
            token = page["next_page_token"]
            if not token:
                return found

    async def _get(self, path: str, parameters: dict[str, Any]) -> Any:
        with self._told():
            response = await self._client.get(path, params=parameters)
        self._check(response)
        return response.json()

    async def create(self, dataset: Dataset) -> None:
        """Create a dataset with what the HTTP interface takes of its rules."""
        body = {
            "domain": dataset.domain,
            "description": dataset.description,
            "retention_days": dataset.retention_days,
        }
        with self._told():
            response = await self._client.post("/api/datasets", json=body)
        self._check(response)

    async def export(self, domain: str) -> AsyncGenerator[list[Row], None]:
        """Read the lines of the export as they come."""
        rows: list[Row] = []
        with self._told():
            path = f"/api/datasets/{quote(domain, safe='')}:export"
            async with self._client.stream("GET", path) as response:
                if response.status_code != httpx2.codes.OK:
                    await response.aread()
                    self._check(response)
                async for line in _lines(response):
                    rows.append(self._row(line))
                    if len(rows) >= EXPORT_BATCH_ROWS:
                        yield rows
                        rows = []
        if rows:
            yield rows

    def _row(self, line: bytes) -> Row:
        try:
            row = self._decoder.decode(line)
        except ValueError:
            raise BankAwayError(
                f"The export of the gateway at {self._client.base_url} broke off within a line."
            ) from None
        return Row(row.prompt, row.response, row.id, row.domain, bytes(row.metadata).decode())

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except httpx2.HTTPError as error:
            raise BankAwayError(
                f"The gateway at {self._client.base_url} broke off ({type(error).__name__})."
            ) from error

    def _check(self, response: httpx2.Response) -> None:
        if response.is_success:
            return
        kind = BankAwayError if response.status_code in AWAY else CommandError
        raise kind(f"The gateway refused the request ({response.status_code}): {_detail(response)}")


async def _lines(response: httpx2.Response) -> AsyncIterator[bytes]:
    """The lines of a body; the library's own would also cut at U+2028."""
    rest = b""
    async for chunk in response.aiter_bytes():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
    if rest:
        yield rest


def one_line(metadata_json: str) -> msgspec.Raw:
    """Metadata on one line: the only line breaks in a JSON text stand between its tokens."""
    return msgspec.Raw(metadata_json.replace("\n", " ").replace("\r", " ").encode())


def _detail(response: httpx2.Response) -> str:
    try:
        problem = response.json()
    except ValueError:
        return response.text[:200]
    return str(problem.get("detail") or problem.get("error") or problem)


@asynccontextmanager
async def gateway_bank(url: str, headers: dict[str, str]) -> AsyncIterator[Bank]:
    """The bank behind the gateway at `url`, shown `headers`; raises CommandError when none answers there."""
    timeout = httpx2.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS)
    async with httpx2.AsyncClient(base_url=url, timeout=timeout, headers=headers) as client:
        await _find(client)
        yield GatewayBank(client)


async def _find(client: httpx2.AsyncClient) -> None:
    try:
        response = await client.get("/api/datasets", params={"page_size": 1})
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise CommandError(
            f"No gateway answers at {client.base_url}: start one with `make run`, name another with --to or "
            "--from URL, or name a data directory that no system runs on."
        ) from error
    if response.status_code in {401, 403}:
        raise CommandError(
            f"The gateway at {client.base_url} asks for a key that may do this: give it in MCAI_KEY."
        )
    if not response.is_success:
        raise CommandError(f"What answers at {client.base_url} is no gateway ({response.status_code}).")
