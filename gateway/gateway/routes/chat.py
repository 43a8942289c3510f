"""The chat: one answer as JSON, or the same as server-sent events."""

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from gateway import answers, bodies, sse
from gateway.chat.model import Answer, Begun, ChatQuestion, Delta, Ended, Kind
from gateway.dependencies import Dependencies, Deps, Who
from gateway.idempotency import STREAM
from gateway.openapi import told
from gateway.schemas.chat import ChatAnswer, ChatRequest, DeltaBody, answer_metadata, chat_answer
from servicekit import logs
from servicekit.errors import PeerUnavailable

router = APIRouter(tags=["chat"])

RETRY_SECONDS = 2.0


@router.post("/api/chat", **told("ask", {200: (ChatAnswer, sse.MEDIA_TYPE)}, body=ChatRequest))
async def chat(request: Request, deps: Deps, who: Who) -> Response:
    """Answers a message from the bank, with its sources; streams with `Accept: text/event-stream`."""
    body = await bodies.read(request, ChatRequest)
    body.user_id = who.on_behalf_of(body.user_id)
    limits = deps.settings
    question = body.question(limits.max_message_characters, limits.max_history_messages)
    await deps.domains.check(question.domains)
    if sse.MEDIA_TYPE in bodies.media_types_accepted(request):
        events = await sse.begun(sse.numbered(_events(deps, question), request.scope.get(STREAM)))
        return sse.response(
            events,
            keep_alive_seconds=limits.keep_alive_seconds,
            longest_seconds=limits.stream_max_seconds,
        )
    answer = await deps.chat.answer(question)
    told_answer(deps, answer)
    return answers.json(chat_answer(answer, logs.request_id()))


def told_answer(deps: Dependencies, answer: Answer) -> None:
    """Counts the answer; raises PeerUnavailable when there is none because the bank is away."""
    deps.metrics.answered(answer)
    if answer.kind is Kind.BANK_AWAY:
        raise PeerUnavailable(
            "The bank of examples is away, and this question has not been answered before; try again soon.",
            retry_after_seconds=RETRY_SECONDS,
            metadata={"dependency": "dataset-svc"},
        )


async def _events(deps: Dependencies, question: ChatQuestion) -> AsyncGenerator[sse.Event, None]:
    async for event in deps.chat.answer_events(question):
        match event:
            case Begun(answer):
                told_answer(deps, answer)
                yield sse.Event("meta", answer_metadata(answer, logs.request_id()))
            case Delta(text):
                yield sse.Event("delta", DeltaBody(text))
            case Ended(answer):
                yield sse.Event("done", chat_answer(answer, logs.request_id()))
