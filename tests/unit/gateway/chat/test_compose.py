"""Which source is quoted, and which are cited."""

from gateway.chat.compose import compose
from gateway.chat.model import Findings, Kind, Policy, Source

POLICY = Policy(min_confidence=0.5, max_sources=2, max_suggestions=2)


def source(name: str, confidence: float, *, prompt: str = "") -> Source:
    return Source(name, "networking", prompt or f"prompt of {name}", f"response of {name}", 1.0, confidence)


def test_the_first_sure_hit_is_quoted_and_the_next_are_cited() -> None:
    hits = tuple(source(name, sure) for name, sure in (("a", 0.4), ("b", 0.6), ("c", 0.9), ("d", 0.5)))
    composed = compose(Findings(hits), POLICY)
    assert (composed.kind, composed.text, composed.confidence) == (Kind.ANSWER, "response of b", 0.6)
    assert [each.id for each in composed.sources] == ["b", "c"]
    assert composed.suggestions == ()


def test_the_question_itself_goes_before_what_ranks_higher() -> None:
    composed = compose(Findings((source("a", 0.9), source("b", 1.0))), POLICY)
    assert composed.text == "response of b"
    assert [each.id for each in composed.sources] == ["b", "a"]


def test_the_nearest_prompts_are_suggested_once_each() -> None:
    hits = (source("a", 0.4, prompt="x"), source("b", 0.4, prompt="x"), source("c", 0.3), source("d", 0.2))
    composed = compose(Findings(hits), POLICY)
    assert (composed.kind, composed.suggestions) == (Kind.UNKNOWN, ("x", "prompt of c"))
    assert not composed.cacheable


def test_an_absent_bank_is_not_an_ignorant_one() -> None:
    assert compose(Findings((), away=True), POLICY).kind is Kind.BANK_AWAY
