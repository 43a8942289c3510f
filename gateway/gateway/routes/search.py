"""Search over the bank."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from gateway import answers
from gateway.dependencies import Deps
from gateway.openapi import told
from gateway.schemas.bank import SearchResults, search_result
from mcai.dataset.v1 import search_pb2
from servicekit.errors import InvalidArgument

router = APIRouter(prefix="/api", tags=["bank"])


@router.get("/search", **told("search", {200: SearchResults}))
async def search(
    deps: Deps,
    q: Annotated[str, Query(max_length=16_384, description="What is sought, in words.")],
    domain: Annotated[list[str] | None, Query(description="Only these domains; it may be repeated.")] = None,
    limit: Annotated[int, Query(ge=1, le=100, description="Results at the most.")] = 10,
) -> Response:
    """Ranks examples by BM25 over prompt and response."""
    if not q.strip():
        raise InvalidArgument("q is empty: say in words what is sought.", metadata={"field": "q"})
    domains = [each for each in domain or [] if each]
    query = search_pb2.SearchQuery(query=q, domains=domains, limit=limit, want_snippets=True)
    request = search_pb2.SearchExamplesRequest(query=query)
    response = await deps.peers.dataset.ask(lambda stub: stub.SearchExamples(request))
    if not response.hits:
        await deps.domains.check(domains)
    return answers.json(SearchResults([search_result(hit) for hit in response.hits]))
