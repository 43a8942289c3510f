"""Rotation by a dataset's rules, and forgetting a user, run against each store."""

from prometheus_client import CollectorRegistry

from dataset_svc.archiving import Rotation
from dataset_svc.metrics import DatasetMetrics
from dataset_svc.model import DatasetEdit, Message, Role
from tests.support.bank_stores import BankStore, example

DAY = 86_400


def rotation(store: BankStore, registry: CollectorRegistry, now: float) -> Rotation:
    return Rotation(store.archive, DatasetMetrics(registry), interval_seconds=1.0, clock=lambda: now)


def archived(registry: CollectorRegistry) -> float | None:
    return registry.get_sample_value("mcai_dataset_archived_examples_total", {"why": "rule"})


async def live(store: BankStore) -> list[str]:
    return sorted([each.id async for _, batch in store.bank.snapshot() for each in batch])


async def test_a_dataset_keeps_its_newest_and_the_rest_can_be_restored(
    bank_store: BankStore,
) -> None:
    await bank_store.bank.insert_examples([example(number) for number in range(1_203)])
    await bank_store.bank.insert_examples([example(1, id="other", domain="optics")])
    await bank_store.bank.update_dataset("physics", DatasetEdit(max_examples=2), 2e9)
    registry = CollectorRegistry()
    rotating = rotation(bank_store, registry, 2e9)
    await rotating.round()
    await rotating.round()
    assert await live(bank_store) == ["id-001201", "id-001202", "other"]
    assert archived(registry) == 1_201
    dataset = await bank_store.bank.get_dataset("physics")
    assert (dataset.example_count, dataset.archived_count) == (2, 1_201)

    back = await bank_store.archive.restore(["id-000007"], "", "", 1_000, 2e9)
    assert (back.moved, back.kept) == (1, 0)
    assert "id-000007" in await live(bank_store)


async def test_what_was_not_updated_for_its_days_is_archived(bank_store: BankStore) -> None:
    times = [0.0, 3.0 * DAY, 9.0 * DAY]
    await bank_store.bank.insert_examples(
        [example(number, update_time=time) for number, time in enumerate(times)]
    )
    await bank_store.bank.update_dataset("physics", DatasetEdit(retention_days=5), 10.0 * DAY)
    registry = CollectorRegistry()
    await rotation(bank_store, registry, 8.0 * DAY).round()
    assert await live(bank_store) == ["id-000001", "id-000002"]
    await rotation(bank_store, CollectorRegistry(), 8.0 * DAY + 1).round()
    assert await live(bank_store) == ["id-000002"]


async def test_what_dates_from_before_a_user_was_forgotten_is_not_stored_again(bank_store: BankStore) -> None:
    before, after = (Message(f"m{time}", Role.USER, "Hello", "{}", time) for time in (1.0, 3.0))
    await bank_store.conversations.append_messages("c", "ada", [before])
    counts = await bank_store.users.forget("ada", 2.0)
    assert (counts.conversations, counts.messages) == (1, 1)
    await bank_store.conversations.append_messages("c", "ada", [before, after])
    assert await bank_store.conversations.list_messages("c", "ada", (0.0, ""), 10) == [after]
    assert await bank_store.users.forgotten_at("ada") == 2.0
    assert await bank_store.users.forgotten_at("bob") is None
