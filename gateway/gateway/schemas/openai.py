"""Bodies of /v1, as OpenAI's clients send and read them.

https://platform.openai.com/docs/api-reference/chat: of its parameters those are honoured that mean something
for an answer that is quoted from a bank, those that would be a lie are refused by name, the rest is ignored.
"""

import re
from typing import Annotated, Any, Final, Literal

import msgspec

from gateway.chat.model import ChatQuestion, Role, Turn
from gateway.schemas.chat import AnswerMetadata
from servicekit.errors import InvalidArgument, NotFound

MODEL: Final = "mcai"
_ROLES: Final = {
    "system": Role.SYSTEM,
    "developer": Role.SYSTEM,
    "user": Role.USER,
    "assistant": Role.ASSISTANT,
}
_IGNORED_ROLES: Final = frozenset({"tool", "function"})
_TOKEN: Final = re.compile(r"\w+|[^\w\s]")

Fraction = Annotated[float, msgspec.Meta(ge=0, le=1)]
Penalty = Annotated[float, msgspec.Meta(ge=-2, le=2)]


class ContentPart(msgspec.Struct):
    """A part of a message; only text is read."""

    type: str
    text: str | None = None


class MessageIn(msgspec.Struct):
    """One message of the conversation so far."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None
    name: str | None = None

    def said(self, position: int) -> str:
        """Returns its text, the parts on lines of their own; raises InvalidArgument for what is not text."""
        if self.content is None or isinstance(self.content, str):
            return self.content or ""
        for part in self.content:
            if part.type not in {"text", "refusal"}:
                raise _refused(
                    f"messages[{position}].content", f"parts of the type {part.type!r} cannot be read"
                )
        return "\n".join(part.text or "" for part in self.content)


class StreamOptions(msgspec.Struct):
    """What a stream tells beside the text."""

    include_usage: bool = False


class ResponseFormat(msgspec.Struct):
    """The shape of an answer; only text."""

    type: str = "text"


class CompletionRequest(msgspec.Struct):
    """A conversation to go on with; `model` is "mcai" or "mcai/<domain>"."""

    model: str
    messages: Annotated[list[MessageIn], msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: int | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    max_completion_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None
    stop: str | Annotated[list[str], msgspec.Meta(max_length=4)] | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Fraction | None = None
    presence_penalty: Penalty | None = None
    frequency_penalty: Penalty | None = None
    seed: int | None = None
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    response_format: ResponseFormat | None = None
    modalities: list[str] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    logit_bias: dict[str, float] | None = None
    tools: list[Any] | None = None
    functions: list[Any] | None = None

    @property
    def limit(self) -> int | None:
        """Tokens of the answer at the most."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        """Texts before which the answer ends."""
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [each for each in given if each]

    @property
    def domain(self) -> str | None:
        """The domain that the model names; None for all. Raises NotFound for a model of another kind."""
        prefix, _, domain = self.model.partition("/")
        if prefix != MODEL or (domain == "" and self.model != MODEL):
            raise NotFound(
                f"There is no model {self.model[:200]!r}; GET /v1/models lists those there are.",
                metadata={"field": "model", "code": "model_not_found"},
            )
        return domain or None

    def question(self, user_id: str | None, max_characters: int, max_turns: int) -> ChatQuestion:
        """Returns what is asked: the last message of the user, after what was said before it.

        It is remembered only with `store`, as OpenAI does it.

        Raises:
            InvalidArgument: A parameter asks for what cannot be done; the message names it.
            NotFound: There is no such model.
        """
        self._refuse()
        domain = self.domain
        said = [
            (_ROLES[message.role], message.said(position))
            for position, message in enumerate(self.messages)
            if message.role not in _IGNORED_ROLES
        ]
        last = next((at for at in reversed(range(len(said))) if said[at][0] is Role.USER), None)
        if last is None or not said[last][1].strip():
            raise InvalidArgument(
                "messages must hold a message of the user with a text.", metadata=_field("messages")
            )
        turns = said[:last][-max_turns:] if max_turns else []
        for _, text in (*turns, said[last]):
            if len(text) > max_characters:
                raise InvalidArgument(
                    f"A message may have {max_characters:,} characters; one of these has {len(text):,}.",
                    metadata={**_field("messages"), "code": "context_length_exceeded"},
                )
        return ChatQuestion(
            message=said[last][1],
            history=tuple(Turn(role, text) for role, text in turns),
            user_id=user_id if self.store else None,
            domains=(domain,) if domain else (),
        )

    def _refuse(self) -> None:
        refusals = (
            ("n", self.n not in {None, 1}, "only one answer is given"),
            ("tools", bool(self.tools), "tools cannot be called"),
            ("functions", bool(self.functions), "functions cannot be called"),
            (
                "logprobs",
                bool(self.logprobs) or bool(self.top_logprobs),
                "quoted answers have no probabilities",
            ),
            ("logit_bias", bool(self.logit_bias), "quoted answers have no probabilities"),
            ("modalities", self.modalities not in (None, [], ["text"]), "answers are text"),
            (
                "response_format",
                self.response_format is not None and self.response_format.type != "text",
                "answers are text",
            ),
        )
        for name, wrong, why in refusals:
            if wrong:
                raise _refused(name, why)


class MessageOut(msgspec.Struct):
    """The answer."""

    role: str
    content: str
    refusal: str | None = None


class Usage(msgspec.Struct):
    """Tokens, counted as words and marks of punctuation: a quoted answer has no tokens of a model."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class Choice(msgspec.Struct):
    """The one answer."""

    index: int
    message: MessageOut
    finish_reason: str
    logprobs: None = None


class Completion(msgspec.Struct):
    """An answer; `mcai` holds what /api/chat tells of it, its sources first of all."""

    id: str
    created: int
    model: str
    choices: list[Choice]
    usage: Usage
    mcai: AnswerMetadata
    object: str = "chat.completion"
    system_fingerprint: str | None = None


class DeltaOut(msgspec.Struct, omit_defaults=True):
    """The next piece of an answer."""

    role: str | None = None
    content: str | None = None


class ChunkChoice(msgspec.Struct):
    """The next piece of the one answer."""

    index: int
    delta: DeltaOut
    finish_reason: str | None = None
    logprobs: None = None


class Chunk(msgspec.Struct):
    """One event of a streamed answer."""

    id: str
    created: int
    model: str
    choices: list[ChunkChoice]
    object: str = "chat.completion.chunk"
    system_fingerprint: str | None = None
    usage: Usage | msgspec.UnsetType | None = msgspec.UNSET
    mcai: AnswerMetadata | msgspec.UnsetType = msgspec.UNSET


class Model(msgspec.Struct):
    """A model: all of the bank, or one domain of it."""

    id: str
    created: int
    owned_by: str = "mcai"
    object: str = "model"


class ModelList(msgspec.Struct):
    """The models."""

    data: list[Model]
    object: str = "list"


def tokens(text: str) -> int:
    """Returns how many words and marks of punctuation a text has."""
    return len(_TOKEN.findall(text))


def cut(text: str, stops: list[str], limit: int | None) -> tuple[str, str]:
    """Returns the text as far as it may go, and why it ends there: "stop" or "length"."""
    ends = [at for at in (text.find(stop) for stop in stops) if at >= 0]
    if ends:
        text = text[: min(ends)]
    if limit is not None:
        for count, found in enumerate(_TOKEN.finditer(text), 1):
            if count > limit:
                return text[: found.start()].rstrip(), "length"
    return text, "stop"


def _refused(field: str, why: str) -> InvalidArgument:
    return InvalidArgument(
        f"{field} is not supported here: {why}.", metadata={**_field(field), "code": "unsupported_parameter"}
    )


def _field(name: str) -> dict[str, str]:
    return {"field": name}
