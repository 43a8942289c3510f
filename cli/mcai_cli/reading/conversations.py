"""Conversations as pairs: message lists, trees of messages, flat messages with a parent, and plain turns.

A question is what a user said up to the assistant's answer; messages of one side in a row are one, and those
of systems and tools are no part of a pair. In a tree each answer to a question makes a row.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from mcai_cli.reading.model import Item, Parsed, Rejected, Row, Skipped
from mcai_cli.reading.values import metadata_text, text_of

ASKING_ROLES = frozenset({"user", "human", "prompter", "customer", "question"})
ANSWERING_ROLES = frozenset({"assistant", "gpt", "chatgpt", "bot", "model", "ai", "agent", "answer"})
PARENT_FIELDS = ("parent_id", "parent_message_id")
ID_FIELDS = ("message_id", "user_message_id", "id")
SAID_FIELDS = ("content", "value", "text")
KEPT_FIELDS = ("message_id", "lang", "rank", "synthetic", "model_name", "labels")
"""Of a message in a tree these are the metadata of its row."""
MAX_KEPT_QUESTIONS = 200_000
MAX_KEPT_CHARACTERS = 256 * 2**20


def is_message(value: Any) -> bool:
    """Whether a value is a message: it says who speaks, and what."""
    return isinstance(value, Mapping) and bool(_role(value)) and any(name in value for name in SAID_FIELDS)


def conversation_items(parsed: Parsed, messages: Sequence[Any], name: str) -> Iterator[Item]:
    """The pairs of a list of messages; `name` is what the list is called."""
    asked: list[str] = []
    answered: list[str] = []
    pairs = 0

    def pair() -> Row:
        text = metadata_text(parsed.shared)
        return Row("\n\n".join(asked), "\n\n".join(answered), f"{parsed.origin}.{pairs}", parsed.domain, text)

    for message in messages:
        role, content = (_role(message), _said(message)) if isinstance(message, Mapping) else ("", "")
        if not content.strip():
            continue
        if role in ASKING_ROLES:
            if answered:
                pairs += 1
                yield pair()
                asked, answered = [], []
            asked.append(content)
        elif role in ANSWERING_ROLES and asked:
            answered.append(content)
    if answered:
        pairs += 1
        yield pair()
    if pairs == 0:
        yield Rejected(parsed.origin, f"Its {name} hold no question that is followed by an answer.")


def turn_items(parsed: Parsed, turns: Sequence[Any]) -> Iterator[Item]:
    """The pairs of turns without a speaker: each is the answer to the one before."""
    texts = [text_of(turn) for turn in turns]
    if len(texts) < 2:  # noqa: PLR2004  a question and an answer
        yield Rejected(parsed.origin, "A conversation needs two turns at the least.")
        return
    metadata = metadata_text(parsed.shared)
    for number, (asked, answered) in enumerate(pairwise(texts), 1):
        origin = parsed.origin if len(texts) == 2 else f"{parsed.origin}.{number}"  # noqa: PLR2004  as above
        if asked.strip() and answered.strip():
            yield Row(asked, answered, origin, parsed.domain, metadata)
        else:
            yield Rejected(origin, "A turn of it is empty.")


def is_tree(value: Mapping[str, Any]) -> bool:
    """Whether an object is a message with its replies below it, or holds such a one as its prompt."""
    root = value.get("prompt") if isinstance(value.get("prompt"), Mapping) else value
    return isinstance(root, Mapping) and isinstance(root.get("replies"), list) and bool(_role(root))


def tree_items(parsed: Parsed) -> Iterator[Item]:
    """The pairs of a tree of messages."""
    value: Mapping[str, Any] = parsed.value
    root = value["prompt"] if isinstance(value.get("prompt"), Mapping) else value
    pairs = 0
    waiting: list[Mapping[str, Any]] = [root]
    while waiting:
        message = waiting.pop()
        replies = [each for each in message.get("replies") or [] if isinstance(each, Mapping)]
        question = _said(message) if _role(message) in ASKING_ROLES else ""
        for reply in replies:
            answer = _said(reply) if _role(reply) in ANSWERING_ROLES else ""
            if question.strip() and answer.strip():
                pairs += 1
                metadata = parsed.shared | _kept(reply)
                origin = f"{parsed.origin}.{pairs}"
                yield Row(question, answer, origin, parsed.domain, metadata_text(metadata))
        waiting.extend(reversed(replies))
    if pairs == 0:
        yield Rejected(parsed.origin, "The tree of messages holds no question with an answer.")


class FlatMessages:
    """Messages that name their parent, one a row; an answer is paired with the question it replies to.

    A question must stand before its answers. The last 200,000 questions are remembered.
    """

    def __init__(self) -> None:
        self._questions: OrderedDict[str, str] = OrderedDict()
        self._characters = 0
        self._messages = 0
        self._answers = 0

    @staticmethod
    def takes(value: Mapping[str, Any]) -> bool:
        """Whether an object is such a message."""
        return (
            any(name in value for name in PARENT_FIELDS)
            and "replies" not in value
            and bool(_role(value))
            and bool(_id(value))
        )

    def items(self, parsed: Parsed) -> Iterator[Item]:
        """The pair that a message completes, if it does."""
        message: Mapping[str, Any] = parsed.value
        self._messages += 1
        role, text = _role(message), _said(message)
        if role in ASKING_ROLES:
            self._remember(_id(message), text)
        elif role in ANSWERING_ROLES:
            self._answers += 1
            parent = next((str(message[name]) for name in PARENT_FIELDS if message.get(name)), "")
            question = self._questions.get(parent)
            if question is None:
                yield Rejected(
                    parsed.origin, f"What it answers ({parent or 'nothing'}) is not a question before it."
                )
            elif not (question.strip() and text.strip()):
                yield Rejected(parsed.origin, "Its question or its answer is empty.")
            else:
                metadata = metadata_text(parsed.shared | _kept(message))
                yield Row(question, text, parsed.origin, parsed.domain, metadata)

    def rest(self, origin: str) -> Iterator[Skipped]:
        """What is to be said at the end of a file."""
        if self._messages:
            yield Skipped(
                origin,
                f"It holds {self._messages:,} single messages, of which {self._answers:,} are answers: "
                "each answer makes a pair with its question.",
            )

    def _remember(self, identifier: str, text: str) -> None:
        self._questions[identifier] = text
        self._characters += len(text)
        while len(self._questions) > MAX_KEPT_QUESTIONS or self._characters > MAX_KEPT_CHARACTERS:
            _, forgotten = self._questions.popitem(last=False)
            self._characters -= len(forgotten)


def _role(message: Mapping[str, Any]) -> str:
    role = message.get("role") or message.get("from")
    return role.strip().lower() if isinstance(role, str) else ""


def _id(message: Mapping[str, Any]) -> str:
    return next((str(message[name]) for name in ID_FIELDS if message.get(name)), "")


def _said(message: Mapping[str, Any]) -> str:
    """The content of a message; of a list of parts the texts."""
    content = next((message[name] for name in SAID_FIELDS if message.get(name) is not None), None)
    if isinstance(content, list):
        parts = [part for part in content if not isinstance(part, Mapping) or "text" in part]
        return text_of(parts)
    return text_of(content)


def _kept(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in KEPT_FIELDS if message.get(name) is not None}
