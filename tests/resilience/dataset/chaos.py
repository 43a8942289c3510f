"""Eight writers and a searcher while both replicas and PostgreSQL are killed three times each."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from mcai.dataset.v1 import bank_pb2, search_pb2
from servicekit.errors import ServiceError, translating
from tests.support.bank_chaos import BankHouse, bank_house
from tests.support.bank_stores import postgres_store
from tests.support.waiting import eventually

T = TypeVar("T")
Stub = Any

WRITERS = 8
KILLS = 3
WRITES_BETWEEN = 25
PATIENCE_SECONDS = 120.0


@dataclass
class Ledger:
    """What was acknowledged: the response by prompt, None for a deletion; and every try, by prompt."""

    promised: dict[str, str | None] = field(default_factory=dict)
    tries: dict[str, list[str]] = field(default_factory=dict)
    acknowledged: int = 0
    over: bool = False


class Writer:
    """Adds examples, and changes and removes its own; it repeats what was not acknowledged."""

    def __init__(self, house: BankHouse, number: int, ledger: Ledger) -> None:
        self._house = house
        self._name = f"writer{'abcdefgh'[number]}"
        self._ledger = ledger
        self._random = random.Random(number)  # noqa: S311 - a repeatable choice
        self._mine: list[tuple[str, str]] = []
        self._made = 0

    async def run(self) -> None:
        while not self._ledger.over:
            choice = self._random.random()
            if not self._mine or choice < 0.6:
                await self._add()
            elif choice < 0.85:
                await self._change()
            else:
                await self._remove()
            self._ledger.acknowledged += 1

    async def _add(self) -> None:
        self._made += 1
        prompt = f"What is {self._name} {self._made}?"
        # By its name a try is known to be of the same example as one whose answer was lost.
        request = bank_pb2.CreateExampleRequest(
            domain="chaos", prompt=prompt, response="New.", request_id=f"{self._name}-{self._made}"
        )
        answer = await eventually(
            lambda: self._tried(prompt, "New.", lambda stub: stub.CreateExample(request)), PATIENCE_SECONDS
        )
        assert answer is not None
        self._ledger.promised[prompt] = "New."
        self._mine.append((answer.example.id, prompt))

    async def _change(self) -> None:
        example_id, prompt = self._random.choice(self._mine)
        response = f"Changed {self._random.randrange(10**9)}."
        request = bank_pb2.UpdateExampleRequest(example_id=example_id, response=response)
        await eventually(
            lambda: self._tried(prompt, response, lambda stub: stub.UpdateExample(request)), PATIENCE_SECONDS
        )
        self._ledger.promised[prompt] = response

    async def _remove(self) -> None:
        mine = self._mine.pop(self._random.randrange(len(self._mine)))
        request = bank_pb2.DeleteExampleRequest(example_id=mine[0])
        answer = await self._tried(mine[1], "removal", lambda stub: stub.DeleteExample(request))
        # Of what was not acknowledged either state is right.
        if answer is None:
            del self._ledger.promised[mine[1]]
        else:
            self._ledger.promised[mine[1]] = None

    async def _tried(self, prompt: str, what: str, call: Callable[[Stub], Awaitable[T]]) -> T | None:
        """The answer of one of the replicas; None if there is none."""
        number = self._random.randrange(len(self._house.replicas))
        begun = time.time()
        outcome = "failed"
        try:
            answer = await _answered(lambda: call(self._house.replicas[number].stub))
            if answer is not None:
                outcome = str(getattr(answer, "durability", "done"))
            return answer
        finally:
            line = f"{begun:.6f}..{time.time():.6f} replica {number}: {what} {outcome}"
            self._ledger.tries.setdefault(prompt, []).append(line)


async def _answered(call: Callable[[], Awaitable[T]]) -> T | None:
    """The answer; None if there is none."""
    try:
        with translating("dataset-svc"):
            return await call()
    except ServiceError:
        return None


async def havoc(house: BankHouse, ledger: Ledger) -> None:
    """Kills each in turn and starts it again, each time in the middle of the writing."""

    async def more() -> None:
        goal = ledger.acknowledged + WRITES_BETWEEN
        assert await eventually(lambda: ledger.acknowledged >= goal, PATIENCE_SECONDS)

    for _ in range(KILLS):
        await more()
        await house.kill_postgres()
        await more()
        for replica in house.replicas:
            await replica.kill()
            await more()
            await replica.start()
        await house.start_postgres()
        await more()
    ledger.over = True


@pytest.mark.timeout(300)
async def test_every_acknowledged_write_is_there_once_whatever_is_killed(tmp_path: Path) -> None:
    async with bank_house(tmp_path) as house:
        ledger, found = Ledger(), 0

        async def search() -> None:
            nonlocal found
            while not ledger.over:
                query = search_pb2.SearchQuery(query="writera")
                request = search_pb2.SearchExamplesRequest(query=query)
                for replica in house.replicas:
                    if await _answered(partial(replica.stub.SearchExamples, request)) is not None:
                        found += 1
                await asyncio.sleep(0.01)

        writers = [Writer(house, number, ledger).run() for number in range(WRITERS)]
        await asyncio.gather(havoc(house, ledger), search(), *writers)
        for replica in house.replicas:
            assert await eventually(replica.settled, PATIENCE_SECONDS)
        async with postgres_store(house.url) as store:
            held = [each async for _, batch in store.bank.snapshot() for each in batch]
        assert found > 0
        times = Counter(each.prompt for each in held)
        responses = {each.prompt: each.response for each in held}
        expected = {prompt: text for prompt, text in ledger.promised.items() if text is not None}
        other = {
            prompt: (responses.get(prompt), *ledger.tries[prompt])
            for prompt, text in expected.items()
            if responses.get(prompt) != text
        }
        assert not other, other
        assert [prompt for prompt, text in ledger.promised.items() if text is None and times[prompt]] == []
        assert {prompt: count for prompt, count in times.items() if count > 1} == {}
        for replica in house.replicas:
            shown = {id_: each.response for id_, each in (await replica.examples()).items()}
            assert shown == {each.id: each.response for each in held}
