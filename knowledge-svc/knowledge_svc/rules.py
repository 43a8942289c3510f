"""What may be asked and kept; each rule that is broken is told in one sentence that names the field."""

from collections.abc import Sequence

from knowledge_svc.errors import InvalidEntry, InvalidKey
from knowledge_svc.model import (
    MAX_KEYS,
    MAX_NAME_CHARACTERS,
    MAX_QUESTION_CHARACTERS,
    MAX_SOURCES,
    MAX_VALUE_BYTES,
    Entry,
    Question,
)


def check_questions(questions: Sequence[Question]) -> None:
    """Raises InvalidKey if there are too many or one of them is not a question."""
    check_count(len(questions))
    for question in questions:
        check_question(question)


def check_count(keys: int) -> None:
    """Raises InvalidKey if that is more keys than a call may name."""
    if keys > MAX_KEYS:
        raise InvalidKey(f"keys has {keys} items, and {MAX_KEYS} are allowed.")


def check_question(question: Question) -> None:
    """Raises InvalidKey if a field is empty or too long."""
    if not question.text.strip():
        raise InvalidKey("key.question is empty.")
    if len(question.text) > MAX_QUESTION_CHARACTERS:
        raise InvalidKey(f"key.question is longer than {MAX_QUESTION_CHARACTERS} characters.")
    if not question.scope:
        raise InvalidKey('key.scope is empty; write "shared" or the id of the user.')
    names = (question.scope, question.model, *question.domains, *question.options)
    if any(len(name) > MAX_NAME_CHARACTERS for name in names):
        raise InvalidKey(f"A name in the key is longer than {MAX_NAME_CHARACTERS} characters.")
    if max(len(question.domains), len(question.options)) > MAX_SOURCES:
        raise InvalidKey(f"The key names more than {MAX_SOURCES} domains or options.")


def check_entry(entry: Entry) -> None:
    """Raises InvalidEntry if the value is too large or its sources are too many or not named."""
    if len(entry.value) > MAX_VALUE_BYTES:
        raise InvalidEntry(f"entry.value has {len(entry.value)} bytes, and {MAX_VALUE_BYTES} are allowed.")
    if entry.sequence < 0:
        raise InvalidEntry("entry.bank_sequence is negative.")
    check_sources(entry.example_ids, entry.domains)


def check_sources(example_ids: Sequence[str], domains: Sequence[str]) -> None:
    """Raises InvalidEntry if there are too many or one has no name."""
    if max(len(example_ids), len(domains)) > MAX_SOURCES:
        raise InvalidEntry(f"More than {MAX_SOURCES} example_ids or domains are named.")
    if any(not 0 < len(name) <= MAX_NAME_CHARACTERS for name in (*example_ids, *domains)):
        raise InvalidEntry(f"An example id or domain has not 1 to {MAX_NAME_CHARACTERS} characters.")
