"""Examples: the prompts and responses of the bank."""

from fastapi import APIRouter, Request, Response

from gateway import answers, bodies
from gateway.backends import durability
from gateway.chat.model import Durability
from gateway.dependencies import Deps, IdempotencyKey, PageSize, PageToken
from gateway.openapi import told
from gateway.schemas.bank import (
    ChangedExample,
    ConflictPage,
    CreatedExample,
    DeletionReceipt,
    ExampleBody,
    ExampleChange,
    ExamplePage,
    NewExample,
    changed_example,
    conflict_body,
    example_body,
)
from mcai.dataset.v1 import bank_pb2
from servicekit.errors import InvalidArgument

router = APIRouter(prefix="/api", tags=["bank"])

_STATUS = {Durability.COMMITTED: 200, Durability.JOURNALLED: 202}


@router.get("/datasets/{domain}/examples", **told("examples list", {200: ExamplePage}))
async def list_examples(
    domain: str, deps: Deps, page_size: PageSize = 0, page_token: PageToken = ""
) -> Response:
    """Lists the examples of a dataset in the order of their creation."""
    await deps.domains.check([domain])
    request = bank_pb2.ListExamplesRequest(domain=domain, page_size=page_size, page_token=page_token)
    page = await deps.peers.dataset.ask(lambda stub: stub.ListExamples(request))
    return answers.json(ExamplePage([example_body(each) for each in page.examples], page.next_page_token))


@router.post(
    "/datasets/{domain}/examples",
    status_code=201,
    **told(
        "examples create", {201: CreatedExample, 200: CreatedExample, 202: CreatedExample}, body=NewExample
    ),
)
async def create_example(
    domain: str, request: Request, deps: Deps, idempotency_key: IdempotencyKey = ""
) -> Response:
    """Adds an example: 201, 200 if its content was there already, 202 while its store is away."""
    body = await bodies.read(request, NewExample)
    wanted = bank_pb2.CreateExampleRequest(
        domain=domain,
        prompt=body.prompt,
        response=body.response,
        metadata_json=bodies.object_text(body.metadata, "metadata"),
        # A channel repeats the call by itself when a replica is killed during it.
        request_id=idempotency_key or deps.new_id(),
    )
    response = await deps.peers.dataset.ask(lambda stub: stub.CreateExample(wanted))
    stored = durability(response.durability)
    created = CreatedExample(example_body(response.example), stored.value, response.duplicate)
    status = 202 if stored is Durability.JOURNALLED else 200 if response.duplicate else 201
    return answers.json(created, status, {"location": f"/api/examples/{response.example.id}"})


@router.get("/examples/{example_id}", **told("examples show", {200: ExampleBody}))
async def get_example(example_id: str, deps: Deps) -> Response:
    """Shows one example."""
    request = bank_pb2.GetExampleRequest(example_id=example_id)
    response = await deps.peers.dataset.ask(lambda stub: stub.GetExample(request))
    return answers.json(example_body(response.example))


@router.get("/examples:conflicts", **told("examples conflicts", {200: ConflictPage}))
async def list_conflicts(deps: Deps, page_size: PageSize = 0, page_token: PageToken = "") -> Response:
    """Lists the changes that were journalled while the store was away and met others; the later was kept."""
    request = bank_pb2.ListConflictsRequest(page_size=page_size, page_token=page_token)
    page = await deps.peers.dataset.ask(lambda stub: stub.ListConflicts(request))
    return answers.json(ConflictPage([conflict_body(each) for each in page.conflicts], page.next_page_token))


@router.patch(
    "/examples/{example_id}",
    **told("examples update", {200: ChangedExample, 202: ChangedExample}, body=ExampleChange),
)
async def update_example(example_id: str, request: Request, deps: Deps) -> Response:
    """Changes an example; what is absent stays. 202 while its store is away."""
    body = await bodies.read(request, ExampleChange)
    wanted = bank_pb2.UpdateExampleRequest(example_id=example_id)
    if isinstance(body.prompt, str):
        wanted.prompt = body.prompt
    if isinstance(body.response, str):
        wanted.response = body.response
    if bytes(body.metadata):
        wanted.metadata_json = bodies.object_text(body.metadata, "metadata")
    if wanted == bank_pb2.UpdateExampleRequest(example_id=example_id):
        raise InvalidArgument("Name at least one of prompt, response and metadata to change.")
    response = await deps.peers.dataset.ask(lambda stub: stub.UpdateExample(wanted))
    stored = durability(response.durability)
    return answers.json(changed_example(response.example, stored.value), _STATUS[stored])


@router.delete(
    "/examples/{example_id}",
    status_code=204,
    **told("examples delete", {204: None, 202: DeletionReceipt}),
)
async def delete_example(example_id: str, deps: Deps) -> Response:
    """Deletes an example: 204, 202 while its store is away."""
    request = bank_pb2.DeleteExampleRequest(example_id=example_id)
    response = await deps.peers.dataset.ask(lambda stub: stub.DeleteExample(request))
    stored = durability(response.durability)
    if stored is Durability.JOURNALLED:
        return answers.json(DeletionReceipt(stored.value), 202)
    return Response(status_code=204)
