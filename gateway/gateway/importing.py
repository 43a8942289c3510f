"""An import on its way from JSON lines to dataset-svc: batches that fit a message, and rejections."""

from dataclasses import dataclass, field
from typing import Final

from gateway import bodies
from gateway.backends import Upload
from gateway.schemas.bank import ImportedRow, ImportReport, RejectionBody
from mcai.dataset.v1 import bank_pb2
from servicekit.errors import InvalidArgument

MAX_BATCH_ROWS: Final = 500
MAX_BATCH_BYTES: Final = 1024 * 1024

ImportUpload = Upload[bank_pb2.ImportExamplesRequest, bank_pb2.ImportExamplesResponse]


@dataclass(slots=True)
class Import:
    """One import in progress; it holds one batch at a time.

    Attributes:
        upload: The call that takes the batches.
        read: Rows that have arrived so far.
    """

    upload: ImportUpload
    read: int = 0
    _rows: list[bank_pb2.ImportRow] = field(default_factory=list)
    _bytes: int = 0

    async def begin(self, request_id: str, default_domain: str, first_row: int) -> None:
        """Sends the header."""
        header = bank_pb2.ImportHeader(
            request_id=request_id, default_domain=default_domain, first_row=first_row
        )
        await self.upload.send(bank_pb2.ImportExamplesRequest(header=header))

    async def add(self, number: int, line: bytes) -> None:
        """Takes one line; a line that is no row counts as one that is refused, and the import goes on."""
        self.read += 1
        self._rows.append(_row(number, line))
        self._bytes += len(line)
        if len(self._rows) >= MAX_BATCH_ROWS or self._bytes >= MAX_BATCH_BYTES:
            await self._flush()

    async def finish(self) -> ImportReport:
        """Sends the rest and returns what became of all rows."""
        await self._flush()
        response = await self.upload.finish()
        return ImportReport(
            read=response.read,
            added=response.added,
            duplicates=response.duplicates,
            rejected=response.rejected,
            rejections=[RejectionBody(each.origin, each.reason) for each in response.rejections],
        )

    async def _flush(self) -> None:
        if self._rows:
            await self.upload.send(bank_pb2.ImportExamplesRequest(rows=self._rows))
            self._rows, self._bytes = [], 0


def _row(number: int, line: bytes) -> bank_pb2.ImportRow:
    origin = f"line {number}"
    try:
        row = bodies.decode(line, ImportedRow)
        return bank_pb2.ImportRow(
            domain=row.domain,
            prompt=row.prompt,
            response=row.response,
            metadata_json=bodies.object_text(row.metadata, "metadata"),
            origin=row.origin or origin,
        )
    except InvalidArgument as error:
        return bank_pb2.ImportRow(origin=origin, problem=error.message.replace("The body", "The line"))
