"""Random histories of calls, after each of which the store and a plain model must agree."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dataset_svc.model import Analyser, ChangeKind, Dataset, DatasetEdit, Durability, EditOutcome
from servicekit.errors import ServiceError
from tests.support.bank_model import BankModel
from tests.support.bank_stores import BankStore, example, postgres_store, sqlite_store

T = TypeVar("T")
Run = Callable[[Coroutine[Any, Any, Any]], Any]

# Few of each, so that histories collide.
domains = st.sampled_from(["physics", "Chemie", "δ"])
ids = st.sampled_from([f"id-{letter}" for letter in "abcdef"])
texts = st.sampled_from(["one", "two", "Ünï"])
times = st.integers(0, 9).map(lambda number: 1_700_000_000.5 + number)
examples = st.builds(
    lambda id_, domain, prompt, response, time: example(
        0, id=id_, domain=domain, prompt=prompt, response=response, create_time=time, update_time=time
    ),
    ids,
    domains,
    texts,
    texts,
    times,
)

choices = st.none() | st.lists(ids, max_size=4, unique=True)
limits = st.sampled_from([1, 2, 100])
edits = st.builds(
    DatasetEdit,
    st.none() | texts,
    st.none() | st.integers(0, 9),
    st.none() | st.integers(0, 3),
    st.none() | st.sampled_from(Analyser),
)


class Histories(RuleBasedStateMachine):
    """Does the same to both, and compares what comes back."""

    def __init__(self, store: BankStore, run: Run) -> None:
        super().__init__()
        self.bank, self.archive, self.run, self.model = store.bank, store.archive, run, BankModel()
        self.followed: list[tuple[ChangeKind, str, str]] = []

    def agree(self, real: Awaitable[T], modelled: Callable[[], T]) -> None:
        async def call() -> T:
            return await real

        assert _outcome(lambda: self.run(call())) == _outcome(modelled)

    @rule(domain=domains, time=times, days=st.integers(0, 9))
    def create_dataset(self, domain: str, time: float, days: int) -> None:
        dataset = Dataset(domain, "Described.", 0, time, time, days)
        self.agree(self.bank.create_dataset(dataset), lambda: self.model.create_dataset(dataset))

    @rule(domain=domains, edit=edits, now=times)
    def update_dataset(self, domain: str, edit: DatasetEdit, now: float) -> None:
        before = len(self.model.changes)
        self.agree(
            self.bank.update_dataset(domain, edit, now),
            lambda: self.model.update_dataset(domain, edit, now),
        )
        self.model.changes[before:] = sorted(self.model.changes[before:], key=lambda change: change[1])

    @rule(domain=domains, force=st.booleans())
    def delete_dataset(self, domain: str, force: bool) -> None:
        before = len(self.model.changes)
        self.agree(
            self.bank.delete_dataset(domain, force=force),
            lambda: self.model.delete_dataset(domain, force=force),
        )
        # The order within one deletion is the store's own.
        self.model.changes[before:] = sorted(self.model.changes[before:], key=lambda change: change[1])

    @rule(batch=st.lists(examples, max_size=6))
    def insert_examples(self, batch: list[Any]) -> None:
        self.agree(self.bank.insert_examples(batch), lambda: self.model.insert_examples(batch))

    @rule(id_=ids, prompt=st.none() | texts, response=st.none() | texts, now=times)
    def update_example(self, id_: str, prompt: str | None, response: str | None, now: float) -> None:
        self.agree(
            self.bank.update_example(id_, prompt=prompt, response=response, metadata_json=None, now=now),
            lambda: EditOutcome(self.model.update_example(id_, prompt, response, now)),
        )

    @rule(id_=ids)
    def delete_example(self, id_: str) -> None:
        def modelled() -> Durability:
            self.model.delete_example(id_)
            return Durability.COMMITTED

        self.agree(self.bank.delete_example(id_), modelled)

    @rule(chosen=choices, domain=domains | st.just(""), after=ids | st.just(""), limit=limits, now=times)
    def archive_examples(
        self, chosen: list[str] | None, domain: str, after: str, limit: int, now: float
    ) -> None:
        self.agree(
            self.archive.archive(chosen, domain, after, limit, now),
            lambda: self.model.archive(chosen, domain, after, limit),
        )

    @rule(chosen=choices, domain=domains | st.just(""), after=ids | st.just(""), limit=limits, now=times)
    def restore_examples(
        self, chosen: list[str] | None, domain: str, after: str, limit: int, now: float
    ) -> None:
        self.agree(
            self.archive.restore(chosen, domain, after, limit, now),
            lambda: self.model.restore(chosen, domain, after, limit, now),
        )

    @rule(domain=domains, limit=limits, days_on=st.integers(0, 9))
    def rotate(self, domain: str, limit: int, days_on: int) -> None:
        before = len(self.model.changes)
        now = 1_700_000_000.0 + days_on * 86_400
        self.agree(self.archive.rotate(domain, limit, now), lambda: self.model.rotate(domain, limit, now))
        self.model.changes[before:] = sorted(self.model.changes[before:], key=lambda change: change[1])

    @invariant()
    def the_same_is_archived(self) -> None:
        held = self.run(self.archive.list_archived("", "", 100))
        expected = sorted(self.model.archived.values(), key=lambda each: each.id)
        assert [replace(each, analyser=Analyser.ENGLISH) for each in held] == [
            replace(each, analyser=Analyser.ENGLISH) for each in expected
        ]

    @invariant()
    def the_same_is_stored(self) -> None:
        async def stored() -> tuple[list[Dataset], list[Any]]:
            datasets = await self.bank.list_datasets("", 100)
            return datasets, [each async for _, batch in self.bank.snapshot() for each in batch]

        datasets, held = self.run(stored())
        assert datasets == self.model.datasets()
        assert {each.id: each for each in held} == self.model.all_examples()
        assert len(held) == len(self.model.examples)

    @invariant()
    def the_same_is_told(self) -> None:
        after = len(self.followed)
        changes = self.run(self.bank.changes_after(after, 1_000))
        assert [each.sequence for each in changes] == list(range(after + 1, after + len(changes) + 1))
        assert [each.example for each in changes] == [
            self.model.all_examples().get(each.example_id) for each in changes
        ]
        told = [(each.kind, each.example_id, each.domain) for each in changes]
        if len({kind for kind, _, _ in told}) == 1 and told[0][0] is not ChangeKind.CREATED:
            told.sort(key=lambda change: change[1])
        self.followed += told
        assert self.followed == self.model.changes


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except ServiceError as error:
        return type(error)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


def agree_in_every_history(empty: Callable[[], AbstractAsyncContextManager[BankStore]], run: Run) -> None:
    class EachHistory(Histories):
        def __init__(self) -> None:
            self.stack = AsyncExitStack()
            super().__init__(run(self.stack.enter_async_context(empty())), run)

        def teardown(self) -> None:
            run(self.stack.aclose())

    run_state_machine_as_test(
        EachHistory,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_every_history_of_sqlite_agrees_with_the_model(runner: asyncio.Runner, tmp_path: Path) -> None:
    names = itertools.count()
    agree_in_every_history(lambda: sqlite_store(tmp_path / f"{next(names)}.db"), runner.run)


def test_every_history_of_postgres_agrees_with_the_model(runner: asyncio.Runner, postgres_url: str) -> None:
    @asynccontextmanager
    async def emptied() -> AsyncIterator[BankStore]:
        async with postgres_store(postgres_url) as store:
            async with await psycopg.AsyncConnection.connect(postgres_url, autocommit=True) as connection:
                await connection.execute("TRUNCATE datasets, examples, changes, examples_archive")
            yield store

    agree_in_every_history(emptied, runner.run)
