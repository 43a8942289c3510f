"""From a question to its answer: understand, recall, retrieve, compose, remember."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

from gateway.chat.compose import compose, compose_care, compose_made, is_the_question
from gateway.chat.model import (
    Answer,
    AnswerEvent,
    Begun,
    ChatQuestion,
    Composed,
    Delta,
    Durability,
    Ended,
    Making,
    Message,
    Policy,
    Role,
    Tier,
    Understanding,
    Wish,
)
from gateway.chat.ports import Bank, Makers, Memory, Recall
from gateway.chat.present import bulleted, sentences
from gateway.chat.recall import cache_key, cache_slot
from gateway.chat.retrieve import plan, retrieve
from gateway.chat.understand import understand
from servicekit import deadline, degrade


@dataclass(frozen=True, slots=True)
class _Found:
    """A composed answer and where it came from."""

    composed: Composed
    tier: Tier = Tier.MISS
    stale: bool = False
    making: Making | None = None


class ChatPipeline:
    """Answers questions.

    It knows nothing of what is away: the ports that it is given answer in any case (see `ports.py`), and
    what they had to do without is gathered into the answer. What they raise (`servicekit.errors`) ends
    the question; a lease that it held is given back.

    Args:
        recall: Answers already worked out.
        bank: The examples.
        memory: What people said.
        makers: Those who make pictures and music.
        clock: Seconds on a clock that only goes forward.
        now: Seconds since the epoch, UTC.
        ids: Makes ids that sort by time.
        policy: How to decide.
    """

    def __init__(
        self,
        recall: Recall,
        bank: Bank,
        memory: Memory,
        makers: Makers,
        *,
        clock: Callable[[], float],
        now: Callable[[], float],
        ids: Callable[[], str],
        policy: Policy,
    ) -> None:
        self._recall = recall
        self._bank = bank
        self._memory = memory
        self._makers = makers
        self._clock = clock
        self._now = now
        self._ids = ids
        self._policy = policy

    async def answer(self, question: ChatQuestion) -> Answer:
        """Answers within the caller's budget, and within the policy's.

        Raises:
            NotFound: The conversation is another user's.
            ServiceError: The messages could not be stored anywhere, or a port is at fault.
        """
        started, asked_at = self._clock(), self._now()
        with deadline.limit(self._policy.answer_seconds), degrade.collecting() as degraded:
            understanding = understand(question.message)
            found = await self._find(question, understanding)
            if understanding.wish and _may_be_made(question, understanding, found.composed):
                found = await self._make(question, understanding.wish)
            answer = self._address(question, understanding, found, (degraded, started))
            if question.user_id is None:
                return answer
            durability = await self._remember(question, answer, asked_at)
        return replace(
            answer,
            durability=durability,
            degraded=frozenset(degraded),
            elapsed_ms=(self._clock() - started) * 1000,
        )

    async def answer_events(self, question: ChatQuestion) -> AsyncIterator[AnswerEvent]:
        """Answers as a stream: one `Begun`, the text in `Delta`s of a sentence each, one `Ended`.

        A quoted answer is whole at once, so it is also remembered before the first event; whatever
        `answer` raises is raised there, before anything was sent.
        """
        answer = await self.answer(question)
        yield Begun(answer)
        for piece in sentences(answer.text):
            yield Delta(piece)
        yield Ended(answer)

    async def _find(self, question: ChatQuestion, understanding: Understanding) -> _Found:
        if understanding.crisis:
            return _Found(compose_care())
        policy = self._policy
        lookup = plan(question, understanding, policy)
        key = cache_key(lookup, question.user_id, min_confidence=policy.min_confidence)
        async with cache_slot(self._recall, key, wait_seconds=policy.recall_wait_seconds) as slot:
            if slot.composed is not None and slot.settled:
                return _Found(slot.composed, slot.tier, slot.stale)
            findings = await retrieve(self._bank, lookup, limit=policy.search_limit)
            if slot.composed is not None and findings.away:
                return _Found(slot.composed, slot.tier, slot.stale)
            composed = compose(findings, policy)
            slot.keep(composed, findings)
        return _Found(composed)

    async def _make(self, question: ChatQuestion, wish: Wish) -> _Found:
        made = await self._makers.begin(wish, question.user_id, self._ids())
        return _Found(compose_made(made), making=made if isinstance(made, Making) else None)

    def _address(
        self,
        question: ChatQuestion,
        understanding: Understanding,
        found: _Found,
        so_far: tuple[set[str], float],
    ) -> Answer:
        """The answer for this one person; `so_far` is what it was made without, and when it was begun."""
        composed, (degraded, started) = found.composed, so_far
        bullets = question.preferences.neurodivergent_mode
        return Answer(
            kind=composed.kind,
            text=bulleted(composed.text) if bullets else composed.text,
            sources=composed.sources,
            suggestions=composed.suggestions,
            confidence=composed.confidence,
            understanding=understanding,
            conversation_id=(question.conversation_id or self._ids()) if question.user_id else None,
            durability=None,
            model=composed.model,
            cache_tier=found.tier,
            stale=found.stale,
            degraded=frozenset(degraded),
            elapsed_ms=(self._clock() - started) * 1000,
            making=found.making,
        )

    async def _remember(self, question: ChatQuestion, answer: Answer, asked_at: float) -> Durability | None:
        """Remembers what both said; nobody in particular has no memory."""
        if question.user_id is None or answer.conversation_id is None:
            return None
        feeling = answer.understanding.feeling
        heard = {"emotion": feeling.emotion, "intensity": feeling.intensity, "valence": feeling.valence}
        said = {
            "kind": answer.kind.value,
            "model": answer.model,
            "confidence": answer.confidence,
            "sources": [source.id for source in answer.sources],
        }
        if answer.making is not None:
            said["task"] = answer.making.id
        messages = (
            Message(self._ids(), Role.USER, question.message, heard, asked_at),
            Message(self._ids(), Role.ASSISTANT, answer.text, said, self._now()),
        )
        return await self._memory.remember(answer.conversation_id, question.user_id, messages)


def _may_be_made(question: ChatQuestion, understanding: Understanding, composed: Composed) -> bool:
    """Says whether a wish is granted: in a crisis, or where only some domains may speak, it is not.

    Nor is it where the bank's owner has an answer to these very words.
    """
    return not (understanding.crisis or question.domains or is_the_question(composed))
