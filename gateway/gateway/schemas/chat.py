"""Bodies of the chat, with the field names that older clients know."""

from typing import Annotated, Any, Literal

import msgspec

from gateway.chat.model import Answer, ChatQuestion, Feeling, Making, Preferences, Role, Turn
from servicekit.errors import InvalidArgument

Name = Annotated[str, msgspec.Meta(pattern=r"^[.@:+-]*\w[\w.@:+-]*\Z", max_length=128)]
Domain = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class TurnBody(msgspec.Struct):
    """One message said before."""

    role: Literal["user", "assistant", "system"]
    content: str


class PreferencesBody(msgspec.Struct):
    """How a person likes their answers."""

    humor_level: Annotated[int, msgspec.Meta(ge=0, le=100)] = 50
    neurodivergent_mode: bool = False


class ChatRequest(msgspec.Struct):
    """A question; only `message` is needed."""

    message: str | None = None
    conversation_history: list[TurnBody] = []
    user_id: Name | None = None
    conversation_id: Name | None = None
    preferences: PreferencesBody | None = None
    domains: Annotated[list[Domain], msgspec.Meta(max_length=16)] = []
    domain: Domain | None = None

    def question(self, max_characters: int, max_turns: int) -> ChatQuestion:
        """Returns what is asked; of a long history the last turns.

        Raises:
            InvalidArgument: There is no message, or it is too long.
        """
        message = self.message or ""
        if not message.strip():
            raise InvalidArgument("No message provided", metadata={"field": "message"})
        turns = self.conversation_history[-max_turns:] if max_turns else []
        for text in (message, *(turn.content for turn in turns)):
            if len(text) > max_characters:
                raise InvalidArgument(
                    f"A message may have {max_characters:,} characters; one of these has {len(text):,}.",
                    metadata={"field": "message"},
                )
        preferences = self.preferences or PreferencesBody()
        return ChatQuestion(
            message=message,
            history=tuple(Turn(Role(turn.role), turn.content) for turn in turns),
            user_id=self.user_id,
            conversation_id=self.conversation_id,
            domains=(*self.domains, *([self.domain] if self.domain else [])),
            preferences=Preferences(preferences.humor_level, preferences.neurodivergent_mode),
        )


class CacheBody(msgspec.Struct):
    """Whether and where the answer was recalled from: "miss", "memory", "redis" or "local"."""

    tier: str
    hit: bool
    stale: bool


class EmotionBody(msgspec.Struct):
    """The feeling that a message shows: intensity, arousal and dominance 0 to 10, valence -1 to 1."""

    emotion: str
    intensity: float
    valence: float
    arousal: float
    dominance: float
    words: list[str]


class AnalyzeRequest(msgspec.Struct):
    """A text to read."""

    text: Annotated[str, msgspec.Meta(max_length=16_384)]


class EmotionAnalysis(EmotionBody):
    """The feeling, and what the text wants."""

    intent: str
    status: str = "ok"


class SourceBody(msgspec.Struct):
    """An example that the answer rests on."""

    id: str
    domain: str
    prompt: str
    score: float
    confidence: float


class MakingBody(msgspec.Struct):
    """A task that makes what was asked for: poll `poll_url`, or follow `events_url`, until it is done."""

    job_id: str
    kind: str
    poll_url: str
    events_url: str
    durability: str
    parameters: dict[str, Any]


class AnswerMetadata(msgspec.Struct):
    """Everything about an answer but its words."""

    conversation_id: str | None
    request_id: str | None
    cache: CacheBody
    elapsed_ms: float
    degraded: list[str]
    model: str
    confidence: float
    kind: str
    intent: str
    durability: str | None
    emotion: EmotionBody
    sources: list[SourceBody]
    suggestions: list[str]
    task: MakingBody | None


class ChatAnswer(msgspec.Struct, kw_only=True):
    """An answer."""

    status: str = "ok"
    response: str
    metadata: AnswerMetadata


class DeltaBody(msgspec.Struct):
    """The next piece of a streamed answer."""

    text: str


def emotion_body(feeling: Feeling) -> EmotionBody:
    """Returns the feeling for a client."""
    return EmotionBody(
        emotion=feeling.emotion,
        intensity=feeling.intensity,
        valence=feeling.valence,
        arousal=feeling.arousal,
        dominance=feeling.dominance,
        words=list(feeling.words),
    )


def answer_metadata(answer: Answer, request_id: str | None) -> AnswerMetadata:
    """Returns what is told of an answer."""
    return AnswerMetadata(
        conversation_id=answer.conversation_id,
        request_id=request_id,
        cache=CacheBody(answer.cache_tier.value, answer.cache_tier.value != "miss", answer.stale),
        elapsed_ms=round(answer.elapsed_ms, 3),
        degraded=sorted(answer.degraded),
        model=answer.model,
        confidence=round(answer.confidence, 4),
        kind=answer.kind.value,
        intent=answer.understanding.intent.value,
        durability=answer.durability.value if answer.durability else None,
        emotion=emotion_body(answer.understanding.feeling),
        sources=[
            SourceBody(
                source.id, source.domain, source.prompt, round(source.score, 4), round(source.confidence, 4)
            )
            for source in answer.sources
        ],
        suggestions=list(answer.suggestions),
        task=_making(answer.making) if answer.making else None,
    )


def _making(making: Making) -> MakingBody:
    return MakingBody(
        job_id=making.id,
        kind=making.craft.value,
        poll_url=making.poll_url,
        events_url=making.events_url,
        durability=making.durability.value,
        parameters=dict(making.parameters),
    )


def chat_answer(answer: Answer, request_id: str | None) -> ChatAnswer:
    """Returns an answer for a client."""
    return ChatAnswer(response=answer.text, metadata=answer_metadata(answer, request_id))
