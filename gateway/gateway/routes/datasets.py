"""Datasets: named collections of examples."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Query, Request, Response

from gateway import answers, bodies
from gateway.dependencies import Deps, IdempotencyKey, PageSize, PageToken
from gateway.openapi import told
from gateway.schemas.bank import (
    ANALYSERS,
    Archived,
    DatasetBody,
    DatasetChange,
    DatasetPage,
    DatasetStats,
    DeletedDataset,
    ExampleNames,
    NewDataset,
    Restored,
    dataset_body,
)
from mcai.dataset.v1 import bank_pb2

_MOST_DATASETS = 1_000

router = APIRouter(prefix="/api/datasets", tags=["bank"])


@router.get("", **told("datasets list", {200: DatasetPage}))
async def list_datasets(deps: Deps, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
    """Lists the datasets by name."""
    request = bank_pb2.ListDatasetsRequest(page_size=page_size, page_token=page_token)
    page = await deps.peers.dataset.ask(lambda stub: stub.ListDatasets(request))
    return answers.json(DatasetPage([dataset_body(each) for each in page.datasets], page.next_page_token))


@router.post("", status_code=201, **told("datasets create", {201: DatasetBody}, body=NewDataset))
async def create_dataset(request: Request, deps: Deps, idempotency_key: IdempotencyKey = "") -> Response:
    """Creates an empty dataset."""
    body = await bodies.read(request, NewDataset)
    wanted = bank_pb2.CreateDatasetRequest(
        domain=body.domain,
        description=body.description,
        retention_days=body.retention_days,
        max_examples=body.max_examples,
        analyser=ANALYSERS[body.analyser],
        request_id=idempotency_key,
    )
    response = await deps.peers.dataset.ask(lambda stub: stub.CreateDataset(wanted))
    return answers.json(dataset_body(response.dataset), 201)


@router.get("/stats", **told("datasets stats", {200: DatasetStats}))
async def dataset_stats(deps: Deps) -> Response:
    """Counts the datasets and their examples; a dataset that is called "stats" is found by the list."""
    request = bank_pb2.ListDatasetsRequest(page_size=_MOST_DATASETS)
    page = await deps.peers.dataset.ask(lambda stub: stub.ListDatasets(request))
    counts = {each.domain: each.example_count for each in page.datasets}
    return answers.json(DatasetStats(len(counts), sum(counts.values()), counts))


@router.post(
    "/{domain}:archive", **told("datasets archive", {200: Archived}, body=ExampleNames, body_required=False)
)
async def archive(domain: str, request: Request, deps: Deps) -> Response:
    """Takes examples out of search and keeps them: the named ones, or without a body all of the dataset."""
    await deps.domains.check([domain])
    names = await _names(request)
    wanted = bank_pb2.ArchiveExamplesRequest(example_ids=names.example_ids, domain=domain)
    response = await deps.peers.dataset.ask(lambda stub: stub.ArchiveExamples(wanted))
    return answers.json(Archived(response.archived))


@router.post(
    "/{domain}:restore", **told("datasets restore", {200: Restored}, body=ExampleNames, body_required=False)
)
async def restore(domain: str, request: Request, deps: Deps) -> Response:
    """Brings archived examples back: the named ones, or without a body all of the dataset."""
    await deps.domains.check([domain])
    names = await _names(request)
    wanted = bank_pb2.RestoreExamplesRequest(example_ids=names.example_ids, domain=domain)
    response = await deps.peers.dataset.ask(lambda stub: stub.RestoreExamples(wanted))
    return answers.json(Restored(response.restored, response.duplicates))


async def _names(request: Request) -> ExampleNames:
    return await bodies.read_if_any(request, ExampleNames) or ExampleNames()


@router.get("/{domain}", **told("datasets show", {200: DatasetBody}))
async def get_dataset(domain: str, deps: Deps) -> Response:
    """Shows one dataset."""
    request = bank_pb2.GetDatasetRequest(domain=domain)
    response = await deps.peers.dataset.ask(lambda stub: stub.GetDataset(request))
    return answers.json(dataset_body(response.dataset))


@router.patch("/{domain}", **told("datasets update", {200: DatasetBody}, body=DatasetChange))
async def update_dataset(domain: str, request: Request, deps: Deps) -> Response:
    """Changes what is sent and leaves the rest."""
    body = await bodies.read(request, DatasetChange)
    wanted = bank_pb2.UpdateDatasetRequest(domain=domain)
    if body.description is not msgspec.UNSET:
        wanted.description = body.description
    if body.retention_days is not msgspec.UNSET:
        wanted.retention_days = body.retention_days
    if body.max_examples is not msgspec.UNSET:
        wanted.max_examples = body.max_examples
    if body.analyser is not msgspec.UNSET:
        wanted.analyser = ANALYSERS[body.analyser]
    response = await deps.peers.dataset.ask(lambda stub: stub.UpdateDataset(wanted))
    return answers.json(dataset_body(response.dataset))


@router.delete("/{domain}", **told("datasets delete", {200: DeletedDataset}))
async def delete_dataset(
    domain: str,
    deps: Deps,
    force: Annotated[bool, Query(description="Whether to delete its examples too.")] = False,
) -> Response:
    """Deletes a dataset; one that has examples only when forced."""
    request = bank_pb2.DeleteDatasetRequest(domain=domain, force=force)
    response = await deps.peers.dataset.ask(lambda stub: stub.DeleteDataset(request))
    return answers.json(DeletedDataset(response.deleted_examples))
