"""Keeps what goes into one gRPC message below its limit of 16 MiB."""

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from dataset_svc.model import Example

MESSAGE_BYTES = 8 * 1024 * 1024
_FIXED_BYTES = 300  # ids, times, tags and the content hash

T = TypeVar("T")


def example_bytes(example: Example) -> int:
    """About how many bytes an example takes in a message."""
    texts = (example.domain, example.prompt, example.response, example.metadata_json)
    return _FIXED_BYTES + sum(len(text) if text.isascii() else len(text.encode()) for text in texts)


def messages(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    """The items in order, in lists of about 8 MiB or one item; nothing for no items."""
    message: list[T] = []
    held = 0
    for item in items:
        taken = size(item)
        if message and held + taken > MESSAGE_BYTES:
            yield message
            message, held = [], 0
        message.append(item)
        held += taken
    if message:
        yield message
