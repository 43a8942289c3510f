"""The chat: one answer as JSON, or the same as server-sent events."""

from collections.abc import AsyncGenerator

from fastapi import APIRouter, Request, Response

from gateway import answers, bodies, sse
from gateway.chat.model import Answer, Begun, ChatQuestion, Delta, Ended, Kind
from gateway.dependencies import Dependencies, Deps
from gateway.schemas.chat import ChatAnswer, ChatRequest, DeltaBody, chat_answer
from servicekit import logs
from servicekit.errors import PeerUnavailable

router = APIRouter(tags=["chat"])

RETRY_SECONDS = 2.0


@router.post("/api/chat")
async def chat(request: Request, deps: Deps) -> Response:
    """Answers a message from the bank, with its sources; streams with `Accept: text/event-stream`."""
    body = await bodies.read(request, ChatRequest)
    limits = deps.settings
    question = body.question(limits.max_message_characters, limits.max_history_messages)
    await deps.domains.check(question.domains)
    if sse.MEDIA_TYPE in bodies.media_types_accepted(request):
        events = await sse.begun(_events(deps, question))
        return sse.response(events, keep_alive_seconds=limits.keep_alive_seconds, ending=deps.ending)
    answer = await deps.chat.answer(question)
    return answers.json(_told(deps, answer))


def _told(deps: Dependencies, answer: Answer) -> ChatAnswer:
    """The answer for the client; raises when there is none because the bank is away."""
    deps.metrics.answered(answer)
    if answer.kind is Kind.BANK_AWAY:
        raise PeerUnavailable(
            "The bank of examples is away, and this question has not been answered before; try again soon.",
            retry_after_seconds=RETRY_SECONDS,
            metadata={"dependency": "dataset-svc"},
        )
    return chat_answer(answer, logs.request_id())


async def _events(deps: Dependencies, question: ChatQuestion) -> AsyncGenerator[sse.Event, None]:
    async for event in deps.chat.answer_events(question):
        match event:
            case Begun(answer):
                yield sse.Event("meta", _told(deps, answer).metadata)
            case Delta(text):
                yield sse.Event("delta", DeltaBody(text))
            case Ended(answer):
                yield sse.Event("done", chat_answer(answer, logs.request_id()))
