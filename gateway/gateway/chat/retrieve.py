"""What the bank is asked: the message itself or, for a follow-up, with the question that it follows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.chat.model import (
    MAX_KEY_CHARACTERS,
    ChatQuestion,
    Findings,
    Intent,
    Policy,
    Role,
    Turn,
    Understanding,
)
from gateway.chat.normalise import normalise
from gateway.chat.ports import Bank

_SMALL_TALK: Final = {Intent.GREETING: "hello", Intent.THANKS: "thanks", Intent.GOODBYE: "goodbye"}
_OF_THEIR_OWN: Final = ("good ", "see ")  # "good morning" and "see you" are not said like "hello" and "bye"
_MOST_WORDS: Final = 8
_JOINED: Final = re.compile(r"(?:and|but|so|or|then|also)\b ?")
_FRAGMENT_WORDS: Final = 4
_ASKS: Final = re.compile(
    r"(?:what|who|whose|where|when|why|how|which|is|are|do|does|can|could|should|will)\b"
)
_LEANS_BACK: Final = re.compile(
    r"(?:what|how) about\b"
    r"|(?:what|why|how|how so|why not|really|when|where|who|which one|what else|what then|how come"
    r"|go on|continue|more|explain|elaborate|tell me more|explain more|an example|for example"
    r"|give me (?:an|another) example|more details?)$"
    r"|.*\b(?:it|its|they|them|their|he|him|his|she|her)\b"
    r"|.*\b(?:is|are|was|does|do|did|can|would|will|about) (?:this|that|these|those)\b"
    r"|.*\b(?:this|that|these|those)$"
)


@dataclass(frozen=True, slots=True)
class Lookup:
    """What to look for: a text in its normal form, and in which domains (none: all).

    `widens` says whether all domains are searched if those have nothing; `from_history`, whether a turn
    before the message is part of the text.
    """

    text: str
    domains: tuple[str, ...]
    widens: bool = False
    from_history: bool = False


def plan(question: ChatQuestion, understanding: Understanding, policy: Policy) -> Lookup:
    """Returns what to look for; a greeting by its plainest word, among the small talk first."""
    text, domains = understanding.text, question.domains
    plain = _SMALL_TALK.get(understanding.intent)
    if plain is not None:
        said = text if text.startswith(_OF_THEIR_OWN) else plain
        return Lookup(said, (*domains, policy.small_talk_domain), widens=not domains)
    context = _context(text, question.history)
    if context is None:
        return Lookup(text, domains)
    return Lookup(f"{context} {text}", domains, from_history=True)


async def retrieve(bank: Bank, lookup: Lookup, *, limit: int) -> Findings:
    """Returns what the bank holds on it, the best first; for a text with nothing in it, nothing."""
    text = lookup.text[:MAX_KEY_CHARACTERS]
    if not text:
        return Findings(())
    findings = await bank.search(text, lookup.domains, limit=limit)
    if findings.sources or findings.away or not lookup.widens:
        return findings
    return await bank.search(text, (), limit=limit)


def leans_back(text: str) -> bool:
    """Says whether a message in its normal form can only be understood by what was said before it."""
    if len(text.split()) > _MOST_WORDS:
        return False
    joined = _JOINED.match(text)
    rest = text[joined.end() :] if joined else text
    if _LEANS_BACK.match(rest):
        return True
    # "And in Python?" has no question of its own; "so what is a monad?" has.
    return joined is not None and len(rest.split()) <= _FRAGMENT_WORDS and not _ASKS.match(rest)


def _context(text: str, history: Sequence[Turn]) -> str | None:
    """The last thing that the user said and that stands by itself, if the message needs one."""
    if not leans_back(text):
        return None
    said = (normalise(turn.content) for turn in reversed(history) if turn.role is Role.USER)
    return next((earlier for earlier in said if earlier != text and not leans_back(earlier)), None)
