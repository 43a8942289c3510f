"""Whole datasets in and out as JSON lines, row by row, in constant memory."""

import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse

from gateway import answers, bodies, problems
from gateway.auth import PRINCIPAL
from gateway.backends import DatasetStub
from gateway.dependencies import ID_PATTERN, Dependencies, Deps, IdempotencyKey
from gateway.importing import Import, ImportUpload
from gateway.openapi import told
from gateway.replays import name_of
from gateway.schemas.bank import ImportOutcome, ImportProgress, SettledImport, example_body
from mcai.dataset.v1 import bank_pb2
from servicekit.errors import InvalidArgument, ServiceError

router = APIRouter(prefix="/api", tags=["bank"])

IMPORT_SUFFIX = ":import"
PROGRESS_SECONDS = 1.0
_LINE = msgspec.json.Encoder()


ImportKey = Annotated[
    str,
    Path(
        pattern=ID_PATTERN,
        max_length=128,
        description="Its `Idempotency-Key`: letters, digits and _ . @ : + -",
    ),
]
FirstRow = Annotated[
    int,
    Query(ge=0, le=2**53, description="Number of the first row of this body, from 0, in the whole import."),
]


@dataclass(frozen=True, slots=True)
class _Beginning:
    """How an import begins: the domain of rows that name none, its name, and its first row."""

    domain: str
    request_id: str
    first_row: int


@router.post(
    "/datasets:import",
    **told("datasets import-all", {200: (ImportOutcome, bodies.NDJSON)}, body_type=bodies.NDJSON),
)
async def import_all(
    request: Request, deps: Deps, idempotency_key: IdempotencyKey = "", first_row: FirstRow = 0
) -> Response:
    """Imports rows that name their domain; see `import_into`."""
    return await _import(request, deps, _beginning(request, deps, "", idempotency_key, first_row))


@router.post(
    "/datasets/{domain}:import",
    **told("datasets import", {200: (ImportOutcome, bodies.NDJSON)}, body_type=bodies.NDJSON),
)
async def import_into(
    domain: str, request: Request, deps: Deps, idempotency_key: IdempotencyKey = "", first_row: FirstRow = 0
) -> Response:
    """Imports JSON lines of {prompt, response, domain?, metadata?, origin?}.

    A row without a domain takes that of the address. The answer is the report, or with
    `Accept: application/x-ndjson` a line of progress each second and the report as the last line.

    With an `Idempotency-Key` an import that broke off goes on: send everything again under the same key, or
    ask `GET /api/datasets:import/{key}` for `next_row`, and send the rows from there with `first_row`.
    """
    return await _import(request, deps, _beginning(request, deps, domain, idempotency_key, first_row))


@router.get("/datasets:import/{key}", **told("datasets import-progress", {200: SettledImport}))
async def settled(key: ImportKey, request: Request, deps: Deps) -> Response:
    """Tells how far the caller's import of that `Idempotency-Key` has come; an unknown one has not begun."""
    asked = bank_pb2.GetImportRequest(request_id=name_of(request.scope[PRINCIPAL].id, key))
    found = await deps.peers.dataset.ask(lambda stub: stub.GetImport(asked))
    return answers.json(
        SettledImport(found.next_row, found.added, found.duplicates, found.rejected, found.finished)
    )


@router.get("/datasets/{domain}:export", **told("datasets export", {200: bodies.NDJSON}))
@router.get("/datasets/{domain}/export", include_in_schema=False)
async def export(domain: str, deps: Deps) -> Response:
    """Exports a dataset as JSON lines, in the order of creation."""
    await deps.domains.check([domain])
    request = bank_pb2.ExportExamplesRequest(domain=domain)
    batches = deps.peers.dataset.stream(lambda stub: stub.ExportExamples(request))
    first = await anext(batches, None)
    headers = {"content-disposition": 'attachment; filename="examples.jsonl"', **answers.NO_STORE}
    return StreamingResponse(_exported(first, batches), media_type=bodies.NDJSON, headers=headers)


async def _exported(
    first: bank_pb2.ExportExamplesResponse | None,
    batches: AsyncGenerator[bank_pb2.ExportExamplesResponse, None],
) -> AsyncIterator[bytes]:
    async with aclosing(batches):
        if first is not None:
            yield _lines(first)
        async for batch in batches:
            yield _lines(batch)


def _lines(batch: bank_pb2.ExportExamplesResponse) -> bytes:
    return _LINE.encode_lines([example_body(each) for each in batch.examples])


async def _import(request: Request, deps: Dependencies, beginning: _Beginning) -> Response:
    if bodies.NDJSON in bodies.media_types_accepted(request):
        progress = _told_on_the_way(request, deps, beginning)
        first = await anext(progress)
        return StreamingResponse(_rest(first, progress), media_type=bodies.NDJSON, headers=answers.NO_STORE)
    async with deps.peers.dataset.upload(_call) as upload:
        running = await _begun(upload, beginning)
        try:
            async for number, line in _rows(request, deps):
                await running.add(number, line)
        except ClientDisconnect:
            raise InvalidArgument("The connection ended before the body did.") from None
        return answers.json(ImportOutcome(await running.finish()))


def _rows(request: Request, deps: Dependencies) -> AsyncIterator[tuple[int, bytes]]:
    settings = deps.settings
    return bodies.lines(request, settings.max_import_line_bytes, settings.upload_timeout_seconds)


async def _told_on_the_way(
    request: Request, deps: Dependencies, beginning: _Beginning
) -> AsyncGenerator[Any, None]:
    """Yields progress, then the report."""
    async with deps.peers.dataset.upload(_call) as upload:
        running = await _begun(upload, beginning)
        told_at = time.monotonic()
        async for number, line in _rows(request, deps):
            await running.add(number, line)
            # By time and not by rows: a client that reads nothing before it has sent all must not be able
            # to fill the connection with our progress.
            if time.monotonic() - told_at >= PROGRESS_SECONDS:
                told_at = time.monotonic()
                yield ImportProgress(running.read)
        yield ImportOutcome(await running.finish())


async def _rest(first: Any, progress: AsyncGenerator[Any, None]) -> AsyncIterator[bytes]:
    async with aclosing(progress):
        yield _LINE.encode(first) + b"\n"
        try:
            async for each in progress:
                yield _LINE.encode(each) + b"\n"
        except ServiceError as error:
            yield _LINE.encode(problems.problem_of(error)) + b"\n"


def _beginning(request: Request, deps: Dependencies, domain: str, key: str, first_row: int) -> _Beginning:
    # The same key of somebody else is another import.
    request_id = name_of(request.scope[PRINCIPAL].id, key) if key else deps.new_id()
    return _Beginning(domain, request_id, first_row)


async def _begun(upload: ImportUpload, beginning: _Beginning) -> Import:
    running = Import(upload)
    await running.begin(beginning.request_id, beginning.domain, beginning.first_row)
    return running


def _call(stub: DatasetStub) -> Any:
    return stub.ImportExamples()
