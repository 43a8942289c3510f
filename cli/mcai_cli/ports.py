"""What the commands need of a bank, wherever it is."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from mcai_cli.reading.model import Rejected, Row


@dataclass(slots=True)
class Report:
    """What became of rows: read = added + duplicates + rejected."""

    read: int = 0
    added: int = 0
    duplicates: int = 0
    rejected: int = 0
    rejections: list[Rejected] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset and its rules, as the contract's message of the same name has them."""

    domain: str
    example_count: int = 0
    description: str = ""
    retention_days: int = 0
    max_examples: int = 0
    analyser: int = 1
    """As the contract numbers them: 1 is English."""


class Bank(Protocol):
    """A bank.

    Every call raises BankAwayError when the bank does not answer or breaks off, and CommandError when it
    refuses.
    """

    async def next_row(self, request_id: str) -> int:
        """Where an import that broke off goes on: rows below it are settled."""

    async def add(self, request_id: str, first_row: int, batches: AsyncIterator[Sequence[Row]]) -> Report:
        """Store rows, of which the first has the number `first_row`; the report counts the whole import."""

    async def datasets(self) -> list[Dataset]:
        """All datasets by name."""

    async def create(self, dataset: Dataset) -> None:
        """Create an empty dataset."""

    def export(self, domain: str) -> AsyncGenerator[list[Row], None]:
        """A dataset's rows in the order of their creation; their origin is their id."""
