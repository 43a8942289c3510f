"""Questions on paragraphs, as SQuAD has them: `{data: [{title, paragraphs: [{context, qas: [...]}]}]}`."""

from collections.abc import Iterator, Mapping
from typing import Any

from mcai_cli.reading.model import Item, Parsed, Rejected, Row
from mcai_cli.reading.values import alternatives, metadata_text, text_of

MAX_CONTEXT_CHARACTERS = 4_000
"""A longer paragraph would be stored again with each of its questions; its length is kept instead."""


def is_article(value: Mapping[str, Any]) -> bool:
    """Whether an object is an article with paragraphs, or a paragraph with questions."""
    return isinstance(value.get("paragraphs"), list) or isinstance(value.get("qas"), list)


def article_items(parsed: Parsed) -> Iterator[Item]:
    """The questions of an article, each with its first answer; the others are kept as metadata."""
    article: Mapping[str, Any] = parsed.value
    paragraphs = article["paragraphs"] if isinstance(article.get("paragraphs"), list) else [article]
    number = 0
    for paragraph in paragraphs:
        questions = paragraph.get("qas") if isinstance(paragraph, Mapping) else None
        for question in questions if isinstance(questions, list) else []:
            number += 1
            origin = f"{parsed.origin}.{number}"
            if isinstance(question, Mapping):
                yield _item(question, paragraph, parsed, origin)
            else:
                yield Rejected(origin, "A question must be an object with question and answers.")
    if number == 0:
        yield Rejected(parsed.origin, "Its paragraphs hold no questions (qas).")


def _item(question: Mapping[str, Any], paragraph: Mapping[str, Any], parsed: Parsed, origin: str) -> Item:
    prompt = text_of(question.get("question"))
    answers = alternatives(question.get("answers") or question.get("answer"))
    if not prompt.strip():
        return Rejected(origin, "Its question is empty.")
    if not answers:
        return Rejected(origin, "It has no answer in its paragraph.")
    metadata = dict(parsed.shared)
    if title := text_of(parsed.value.get("title")):
        metadata["title"] = title
    metadata |= {key: question[key] for key in ("id", "is_impossible") if question.get(key) is not None}
    if paragraph.get("document_id") is not None:
        metadata["document_id"] = paragraph["document_id"]
    context = text_of(paragraph.get("context"))
    if len(context) <= MAX_CONTEXT_CHARACTERS:
        metadata["context"] = context
    else:
        metadata["context_characters"] = len(context)
    if len(answers) > 1:
        metadata["other_answers"] = answers[1:]
    return Row(prompt, answers[0], origin, parsed.domain, metadata_text(metadata))
