"""What a document of the index is made of."""

from collections.abc import Mapping
from typing import NamedTuple, cast

import msgspec
import tantivy

from dataset_svc.index_form import form
from dataset_svc.index_text import Terms, normalise, plain_words, tantivy_analyser
from dataset_svc.model import Analyser, Example, content_hash

# Raise it with every change of the fields, of how text becomes terms, or of tantivy's own file format:
# an index of another number is rebuilt from the bank.
FORMAT = 3


class Texts(NamedTuple):
    """Names of the fields that hold the texts under one analyser."""

    prompt: str
    response: str


# A document has the fields of its dataset's analyser, so that statistics of stems and of words do not mix.
TEXTS = {
    Analyser.ENGLISH: Texts("prompt", "response"),
    Analyser.NEUTRAL: Texts("neutral_prompt", "neutral_response"),
}

_BODY = msgspec.json.Decoder(Example)
_KEY_CHARACTERS = 14
_KEY_CLASSES = 21
LAST_KEY = _KEY_CLASSES**_KEY_CHARACTERS - 1
_SHARED_CLASSES = frozenset({0, 2, 13, 20})


def open_index(path: str) -> tantivy.Index:
    """Open the index in a directory, or make an empty one there; raises whatever tantivy does."""
    index = tantivy.Index(_schema(), path=path)
    for kind in Analyser:
        index.register_tokenizer(_tokenizer(kind), tantivy_analyser(kind))
    index.config_reader("manual")
    return index


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("id", tokenizer_name="raw", index_option="basic")
    builder.add_unsigned_field("key", fast=True)
    builder.add_text_field("domain", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("exact", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("analyser", tokenizer_name="raw", index_option="basic")
    for kind, names in TEXTS.items():
        for name in names:
            builder.add_text_field(name, tokenizer_name=_tokenizer(kind), index_option="freq")
    builder.add_unsigned_field("form", fast=True)
    builder.add_bytes_field("body", stored=True)
    return builder.build()


def _tokenizer(kind: Analyser) -> str:
    return f"mcai_{kind.value}"


def document(example: Example, terms: Mapping[Analyser, Terms]) -> tantivy.Document:
    """The example as a document."""
    texts = TEXTS[example.analyser]
    made = tantivy.Document()
    made.add_text("id", example.id)
    made.add_unsigned("key", order_key(example.id))
    made.add_text("domain", example.domain)
    made.add_text("exact", exact_term(example.prompt))
    made.add_text("analyser", example.analyser.value)
    made.add_text(texts.prompt, normalise(example.prompt))
    made.add_text(texts.response, normalise(example.response))
    if example.analyser is Analyser.ENGLISH:
        made.add_unsigned("form", form(terms[Analyser.ENGLISH].of(example.prompt)))
    made.add_bytes("body", msgspec.json.encode(example))
    return made


def example_of(made: tantivy.Document) -> Example:
    """The example that a document was made of."""
    return _BODY.decode(cast("bytes", made.get_first("body")))


def exact_term(prompt: str) -> str:
    """A term that prompts have in common which differ in case, punctuation and spacing only."""
    # Hashed, since a prompt may be longer than a term of tantivy.
    return content_hash("", " ".join(plain_words(prompt)) or prompt.strip(), "")[:32]


def order_key(example_id: str) -> int:
    """A number that grows with the id, or stays: tantivy has no range queries over text.

    Fourteen characters in classes that keep hexadecimal digits and the hyphen apart fit 64 bits. Of a
    UUIDv7 that is its millisecond, so that few ids share a key.
    """
    key, exact = 0, True
    for character in example_id[:_KEY_CHARACTERS].ljust(_KEY_CHARACTERS, "\0"):
        # What follows a character that shares its class with others must not decide.
        value = _key_class(character) if exact else 0
        exact = exact and value not in _SHARED_CLASSES
        key = key * _KEY_CLASSES + value
    return key


def _key_class(character: str) -> int:
    if "0" <= character <= "9":
        return 3 + ord(character) - ord("0")
    if "a" <= character <= "f":
        return 14 + ord(character) - ord("a")
    if character == "-":
        return 1
    below = sum(character > bound for bound in ("-", "9", "f"))
    return (0, 2, 13, 20)[below]
