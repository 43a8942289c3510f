"""Which field of a row is the prompt and which the response, whatever its author called them.

Names are compared without regard to case, and with `_` for spaces and hyphens. Where several are there, the
one that stands first below counts, if it is not null; the others are metadata.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mcai_cli.reading.model import Item, Parsed, ReadingRules, Rejected, Row, Skipped
from mcai_cli.reading.values import alternatives, metadata_text, text_of

PROMPT_FIELDS = (
    "prompt", "question", "query", "instruction", "problem", "questions", "patterns", "q", "user", "human",
    "input", "topic", "title",
)  # fmt: skip
RESPONSE_FIELDS = (
    "response", "completion", "answer", "answers", "output", "solution", "reply", "responses", "a",
    "assistant", "bot", "knowledge",
)  # fmt: skip
DOCUMENT_FIELDS = ("text", "body", "content")
"""The response of a row whose prompt is its `title`."""
CONTEXT_FIELDS = ("input", "context")
"""Joined to an `instruction`, of which they are the rest."""
PRIVATE_FIELDS = frozenset({"user_id", "role"})
MAX_PROMPT_CHARACTERS = 16_384
"""The bank's bound; a context that would break it is kept as metadata."""
MAX_KEPT_LAYOUTS = 256
SHOWN_FIELDS = 12


@dataclass(frozen=True, slots=True)
class Layout:
    """The fields of the rows that have one set of names, each list in order of preference."""

    prompts: tuple[str, ...]
    responses: tuple[str, ...]
    contexts: tuple[str, ...]
    domain: str | None
    metadata: str | None
    private: bool


class PairReader:
    """Reads rows; it remembers the layout of each set of field names."""

    def __init__(self, rules: ReadingRules) -> None:
        self._rules = rules
        self._layouts: dict[tuple[str, ...], Layout] = {}

    def has_pair(self, value: Mapping[str, Any]) -> bool:
        """Whether the fields hold a prompt that is a text, or a list of such, and a response."""
        layout = self.layout(value)
        prompt = _first(value, layout.prompts)
        return prompt is not None and _first(value, layout.responses) is not None

    def items(self, parsed: Parsed) -> Iterator[Item]:
        """The rows of an object: one, or one for each of its questions."""
        value: Mapping[str, Any] = parsed.value
        layout = self.layout(value)
        if layout.private and not self._rules.include_private:
            yield Skipped(
                parsed.origin,
                "It is a private memory row of one user; --include-private imports it as well.",
            )
            return
        prompt_field = _first(value, layout.prompts)
        response_field = _first(value, layout.responses)
        if prompt_field is None or response_field is None:
            yield Rejected(parsed.origin, self._unrecognised(value, prompt_field))
            return
        yield from self._pairs(parsed, layout, prompt_field, response_field)

    def refusal(self, names: Sequence[str]) -> str:
        """Why a table with these columns holds no pairs, in one sentence; "" if it does."""
        value = dict.fromkeys(names, "")
        if self.has_pair(value):
            return ""
        return self._unrecognised(value, _first(value, self.layout(value).prompts))

    def layout(self, value: Mapping[str, Any]) -> Layout:
        """The layout of an object's fields."""
        names = tuple(value)
        layout = self._layouts.get(names)
        if layout is None:
            layout = self._layout(names)
            if len(self._layouts) < MAX_KEPT_LAYOUTS:
                self._layouts[names] = layout
        return layout

    def _layout(self, names: tuple[str, ...]) -> Layout:
        known: dict[str, str] = {}
        for name in names:
            known.setdefault(folded(name), name)

        def present(wanted: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(known[name] for name in wanted if name in known)

        prompts = present(_wanted(self._rules.prompt_field, PROMPT_FIELDS))
        responses = present(_wanted(self._rules.response_field, RESPONSE_FIELDS))
        if not responses and prompts and folded(prompts[0]) == "title":
            responses = present(DOCUMENT_FIELDS)
        return Layout(
            prompts=prompts,
            responses=responses,
            contexts=present(CONTEXT_FIELDS) if "instruction" in known else (),
            domain=known.get("domain"),
            metadata=known.get("metadata"),
            private=known.keys() >= PRIVATE_FIELDS,
        )

    def _pairs(
        self, parsed: Parsed, layout: Layout, prompt_field: str, response_field: str
    ) -> Iterator[Item]:
        value: Mapping[str, Any] = parsed.value
        prompts = _questions(value[prompt_field])
        responses = _answers(value[response_field])
        if not prompts:
            yield Rejected(parsed.origin, f"Its prompt ({prompt_field}) is empty.")
            return
        if not responses:
            yield Rejected(parsed.origin, f"Its response ({response_field}) is empty.")
            return
        used = {prompt_field, response_field}
        context = ""
        if folded(prompt_field) == "instruction":
            context, joined = _context(value, layout, prompts)
            used.update(joined)
        metadata = parsed.shared | _metadata(value, layout, used)
        if len(responses) > 1:
            metadata["other_answers"] = responses[1:]
        text = metadata_text(metadata)
        domain = _domain(value, layout, parsed.domain)
        for number, prompt in enumerate(prompts, 1):
            origin = parsed.origin if len(prompts) == 1 else f"{parsed.origin}.{number}"
            yield Row(prompt + context, responses[0], origin, domain, text)

    def _unrecognised(self, value: Mapping[str, Any], prompt_field: str | None) -> str:
        seen = ", ".join(str(name) for name in list(value)[:SHOWN_FIELDS]) or "none"
        if len(value) > SHOWN_FIELDS:
            seen += ", ..."
        if prompt_field is None:
            lacks = f"no prompt ({', '.join(_wanted(self._rules.prompt_field, PROMPT_FIELDS))})"
        else:
            wanted = DOCUMENT_FIELDS if folded(prompt_field) == "title" else ()
            names = _wanted(self._rules.response_field, RESPONSE_FIELDS + wanted)
            lacks = f"no response ({', '.join(names)})"
        return f"Its fields are {seen}: it has {lacks}. Name yours with --prompt-field and --response-field."


def folded(name: object) -> str:
    """A field's name as it is compared."""
    return str(name).strip().lower().replace(" ", "_").replace("-", "_")


def _wanted(own: str | None, known: tuple[str, ...]) -> tuple[str, ...]:
    return known if own is None else (folded(own),)


def _first(value: Mapping[str, Any], names: tuple[str, ...]) -> str | None:
    return next((name for name in names if value[name] is not None), None)


def _questions(value: Any) -> list[str]:
    """One prompt, or one for each entry of a list."""
    if isinstance(value, list | tuple):
        return alternatives(value)
    text = text_of(value)
    return [text] if text.strip() else []


def _answers(value: Any) -> list[str]:
    return alternatives(value)


def _context(value: Mapping[str, Any], layout: Layout, prompts: list[str]) -> tuple[str, list[str]]:
    """What belongs to the instruction, and the fields it came from."""
    used = [name for name in layout.contexts if value[name] is not None]
    parts = [text for name in used if (text := text_of(value[name])).strip()]
    context = "".join(f"\n\n{part}" for part in parts)
    if max(map(len, prompts)) + len(context) > MAX_PROMPT_CHARACTERS:
        return "", []
    return context, list(layout.contexts)


def _metadata(value: Mapping[str, Any], layout: Layout, used: set[str]) -> dict[str, Any]:
    """What stands beside the pair; what the author called metadata comes first."""
    own = value[layout.metadata] if layout.metadata is not None else None
    left_out = used | {layout.domain}
    if isinstance(own, Mapping):
        left_out.add(layout.metadata)
    metadata = {str(key): item for key, item in value.items() if key not in left_out}
    return metadata | dict(own) if isinstance(own, Mapping) else metadata


def _domain(value: Mapping[str, Any], layout: Layout, surrounding: str) -> str:
    own = value[layout.domain] if layout.domain is not None else None
    return own.strip() if isinstance(own, str) and own.strip() else surrounding
