"""Rows on their way into a bank, in one stream that goes on where it broke off.

The source is read again from its beginning after a break, and the rows that the bank has settled are passed
over by their number; so the source must give the same rows each time. A thread reads it, and while that takes
long, as the first look through a large archive does, empty batches keep the connection from being held idle.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from mcai_cli.admission import admitted
from mcai_cli.errors import BankAwayError, CommandError
from mcai_cli.ports import Bank, Report
from mcai_cli.reading.model import Item, Rejected, Row, Skipped

BATCH_ITEMS: Final = 500
BATCH_CHARACTERS: Final = 1_000_000
"""A batch ends at either bound, so that a message stays far below the services' 16 MB."""
HEARTBEAT_SECONDS: Final = 5.0
PATIENCE_SECONDS: Final = 120.0
"""How long a transfer tries again without getting a row further."""
FIRST_PAUSE_SECONDS: Final = 0.25
LONGEST_PAUSE_SECONDS: Final = 4.0


class Listener(Protocol):
    """Is told how a transfer goes."""

    def left_out(self, item: Rejected | Skipped) -> None:
        """A place of the source that gives no row; each is told once."""

    def sent(self, rows: int) -> None:
        """How many rows the bank has been given."""

    def broke(self, error: BankAwayError) -> None:
        """The bank is away; the transfer tries again."""


class Transfer:
    """One import, from its first row to its report.

    Args:
        source: Begins the items of the source anew.
        request_id: Name of the import at the bank.
        clock: Monotonic seconds.
        pause: Waits for some seconds.
    """

    def __init__(
        self,
        source: Callable[[], Iterator[Item]],
        listener: Listener,
        request_id: str,
        *,
        clock: Callable[[], float],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._source = source
        self._listener = listener
        self._request_id = request_id
        self._clock = clock
        self._pause = pause
        self._told = 0
        self._furthest = 0
        self._failing_since: float | None = None
        self._pause_seconds = FIRST_PAUSE_SECONDS

    async def run(self, bank: Bank) -> Report:
        """Send every row; raises CommandError when the bank refuses, or stays away for too long."""
        first_row = 0
        while True:
            try:
                async with aclosing(self._batches(first_row)) as batches:
                    return await bank.add(self._request_id, first_row, batches)
            except BankAwayError as error:
                self._listener.broke(error)
                first_row = await self._next_row(bank, error)

    async def _next_row(self, bank: Bank, error: BankAwayError) -> int:
        if self._failing_since is None:
            self._failing_since = self._clock()
        while self._clock() - self._failing_since < PATIENCE_SECONDS:
            await self._pause(self._pause_seconds)
            self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
            try:
                return await bank.next_row(self._request_id)
            except BankAwayError as again:
                error = again
        raise CommandError(
            f"{error} It was tried for {PATIENCE_SECONDS:.0f} s. Run the same command again: what is stored "
            "already is not stored twice."
        )

    async def _batches(self, first_row: int) -> AsyncGenerator[Sequence[Row], None]:
        """The rows from that number on; an empty batch is a sign of life."""
        number = left_out = 0
        async with aclosing(read_ahead(batched(self._source()))) as batches:
            async for items in batches:
                rows = []
                for item in items:
                    if isinstance(item, Row):
                        if number >= first_row:
                            rows.append(item)
                        number += 1
                        continue
                    left_out += 1
                    if left_out > self._told:
                        self._told = left_out
                        self._listener.left_out(item)
                yield rows
                if number >= first_row:
                    self._sent(number)

    def _sent(self, rows: int) -> None:
        if rows > self._furthest:
            self._furthest = rows
            self._failing_since, self._pause_seconds = None, FIRST_PAUSE_SECONDS
        self._listener.sent(rows)


def batched(items: Iterator[Item]) -> Iterator[list[Item]]:
    """The items that the bank admits, and the rejections of the others, in lists that fit a message."""
    batch: list[Item] = []
    characters = 0
    for each in items:
        item = admitted(each)
        batch.append(item)
        if isinstance(item, Row):
            characters += len(item.prompt) + len(item.response) + len(item.metadata_json)
        if len(batch) >= BATCH_ITEMS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


async def read_ahead(batches: Iterator[list[Item]]) -> AsyncGenerator[list[Item], None]:
    """The batches, read in a thread one ahead of who takes them; an empty one while the next takes long."""

    def begin() -> "asyncio.Task[list[Item] | None]":
        return asyncio.create_task(asyncio.to_thread(next, batches, None))

    reading = begin()
    try:
        while True:
            while not (await asyncio.wait({reading}, timeout=HEARTBEAT_SECONDS))[0]:
                yield []
            batch = reading.result()
            if batch is None:
                return
            reading = begin()
            yield batch
    finally:
        reading.cancel()
