"""Chat completions and models, as OpenAI's clients know them."""

import time
from collections.abc import AsyncGenerator
from typing import Annotated

import msgspec
from fastapi import APIRouter, Header, Path, Request, Response

from gateway import answers, bodies, sse
from gateway.chat.model import Answer, Begun, ChatQuestion, Delta, Ended
from gateway.dependencies import Dependencies, Deps, Who
from gateway.idempotency import STREAM
from gateway.openapi import told
from gateway.routes.chat import told_answer
from gateway.schemas import openai as shapes
from gateway.schemas.chat import answer_metadata
from mcai.dataset.v1 import bank_pb2
from servicekit import logs

router = APIRouter(prefix="/v1", tags=["openai"])

_PAGE = 1_000
_UNKNOWN_AGE = 0


@router.post(
    "/chat/completions",
    **told("openai complete", {200: (shapes.Completion, sse.MEDIA_TYPE)}, body=shapes.CompletionRequest),
)
async def create_completion(request: Request, deps: Deps, who: Who) -> Response:
    """Answers the last message of the user from the bank; with `stream` as events that end with [DONE]."""
    body = await bodies.read(request, shapes.CompletionRequest)
    limits = deps.settings
    # `user` is any text to OpenAI; here it matters only where the answer is to be remembered.
    user_id = who.on_behalf_of(body.user) if body.store else None
    question = body.question(user_id, limits.max_message_characters, limits.max_history_messages)
    await deps.domains.check(question.domains)
    if body.stream:
        events = await sse.begun(sse.numbered(_chunks(deps, body, question), request.scope.get(STREAM)))
        return sse.response(
            events,
            keep_alive_seconds=limits.keep_alive_seconds,
            longest_seconds=limits.stream_max_seconds,
            convention=sse.OPENAI,
        )
    answer = await deps.chat.answer(question)
    told_answer(deps, answer)
    text, reason = shapes.cut(answer.text, body.stops, body.limit)
    return answers.json(
        shapes.Completion(
            id=_id(deps),
            created=int(time.time()),
            model=body.model,
            choices=[shapes.Choice(0, shapes.MessageOut("assistant", text), reason)],
            usage=_usage(question, text),
            mcai=answer_metadata(answer, logs.request_id()),
        )
    )


@router.get("/models", **told("openai models", {200: shapes.ModelList, 304: None}))
async def list_models(deps: Deps, if_none_match: Annotated[str, Header()] = "") -> Response:
    """Lists "mcai" and a model for each domain of the bank."""
    models = [shapes.Model(shapes.MODEL, _UNKNOWN_AGE)]
    request = bank_pb2.ListDatasetsRequest(page_size=_PAGE)
    while True:
        page = await deps.peers.dataset.ask(lambda stub: stub.ListDatasets(request))
        models.extend(_model(each) for each in page.datasets)
        if not page.next_page_token:
            found = msgspec.json.encode(shapes.ModelList(models))
            return answers.tagged(found, bodies.JSON, if_none_match, cache="private, no-cache")
        request.page_token = page.next_page_token


@router.get("/models/{model:path}", **told("openai model", {200: shapes.Model}))
async def get_model(model: Annotated[str, Path(max_length=200)], deps: Deps) -> Response:
    """Shows one model."""
    wanted = shapes.CompletionRequest(model, [shapes.MessageIn("user")])
    if wanted.domain is None:
        return answers.json(shapes.Model(shapes.MODEL, _UNKNOWN_AGE))
    request = bank_pb2.GetDatasetRequest(domain=wanted.domain)
    response = await deps.peers.dataset.ask(lambda stub: stub.GetDataset(request))
    return answers.json(_model(response.dataset))


def _model(dataset: bank_pb2.Dataset) -> shapes.Model:
    return shapes.Model(f"{shapes.MODEL}/{dataset.domain}", int(dataset.create_time.seconds))


async def _chunks(
    deps: Dependencies, body: shapes.CompletionRequest, question: ChatQuestion
) -> AsyncGenerator[sse.Event, None]:
    """Yields the role, the text, why it ends, and the tokens if they are asked for."""
    stream = _ChunkMaker(_id(deps), int(time.time()), body)
    left, text, reason = 0, "", "stop"
    async for event in deps.chat.answer_events(question):
        match event:
            case Begun(answer):
                told_answer(deps, answer)
                # A quoted answer is whole at once, so where it ends is known before it is sent.
                text, reason = shapes.cut(answer.text, body.stops, body.limit)
                left = len(text)
                yield stream.piece(shapes.DeltaOut(role="assistant", content=""))
            case Delta(piece):
                if left > 0:
                    yield stream.piece(shapes.DeltaOut(content=piece[:left]))
                left -= len(piece)
            case Ended(answer):
                yield stream.last(answer, reason)
                if stream.tells_usage:
                    yield stream.usage(_usage(question, text))


class _ChunkMaker:
    """Makes the events of one stream."""

    def __init__(self, identifier: str, created: int, body: shapes.CompletionRequest) -> None:
        self._id = identifier
        self._created = created
        self._model = body.model
        self.tells_usage = body.stream_options is not None and body.stream_options.include_usage

    def piece(self, delta: shapes.DeltaOut, reason: str | None = None) -> sse.Event:
        return sse.Event("", self._chunk([shapes.ChunkChoice(0, delta, reason)]))

    def last(self, answer: Answer, reason: str) -> sse.Event:
        chunk = self._chunk([shapes.ChunkChoice(0, shapes.DeltaOut(), reason)])
        chunk.mcai = answer_metadata(answer, logs.request_id())
        return sse.Event("", chunk)

    def usage(self, usage: shapes.Usage) -> sse.Event:
        chunk = self._chunk([])
        chunk.usage = usage
        return sse.Event("", chunk)

    def _chunk(self, choices: list[shapes.ChunkChoice]) -> shapes.Chunk:
        chunk = shapes.Chunk(self._id, self._created, self._model, choices)
        if self.tells_usage:
            chunk.usage = None  # as OpenAI: null in every event but the last
        return chunk


def _usage(question: ChatQuestion, text: str) -> shapes.Usage:
    asked = shapes.tokens(question.message) + sum(shapes.tokens(turn.content) for turn in question.history)
    answered = shapes.tokens(text)
    return shapes.Usage(asked, answered, asked + answered)


def _id(deps: Dependencies) -> str:
    return f"chatcmpl-{deps.new_id()}"
