"""The starter bank: the JSON Lines files beside this module, loaded into a bank that was never used."""

import json
from collections.abc import Callable, Iterator
from importlib import resources
from importlib.resources.abc import Traversable

from dataset_svc.errors import DatasetExists
from dataset_svc.model import Dataset, Example
from dataset_svc.ports import Bank
from dataset_svc.rules import checked_domain, checked_metadata, checked_prompt, checked_response
from servicekit.logs import get_logger

DESCRIPTION = "Starter bank: came with the system; edit it, or delete it, as you like."

_log = get_logger(__name__)


def starter_files() -> Traversable:
    """The folder of the starter bank."""
    return resources.files("dataset_svc") / "starter"


def starter_examples(
    folder: Traversable, *, clock: Callable[[], float], new_id: Callable[[], str]
) -> Iterator[Example]:
    """The examples of all *.jsonl files in a folder, by file name; raises InvalidExample or ValueError."""
    now = clock()
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".jsonl"):
            continue
        # By lines as a file has them: splitlines would also cut at U+2028, which JSON lets stand in texts.
        for line in filter(str.strip, file.read_text("utf-8").split("\n")):
            row = json.loads(line)
            yield Example(
                id=new_id(),
                domain=checked_domain(row["domain"]),
                prompt=checked_prompt(row["prompt"]),
                response=checked_response(row["response"]),
                metadata_json=checked_metadata(json.dumps(row.get("metadata", {}), ensure_ascii=False)),
                create_time=now,
                update_time=now,
            )


async def load_starter_bank(
    bank: Bank, folder: Traversable, *, clock: Callable[[], float], new_id: Callable[[], str]
) -> None:
    """Fill a bank whose change feed is empty: one that was ever used is left alone, whatever was deleted.

    All examples go in by one transaction, and equal ones are stored once, so that neither a crash nor a
    second replica doing the same leaves half of them or two of each. Raises StoreUnavailable.
    """
    if await bank.head_sequence() > 0:
        return
    examples = list(starter_examples(folder, clock=clock, new_id=new_id))
    for domain in sorted({example.domain for example in examples}):
        await _describe(bank, domain, clock())
    outcome = await bank.insert_examples(examples)
    added = sum(not insertion.duplicate for insertion in outcome.insertions)
    _log.info("starter bank loaded", examples=added)


async def _describe(bank: Bank, domain: str, now: float) -> None:
    try:
        await bank.create_dataset(Dataset(domain, DESCRIPTION, 0, now, now))
    except DatasetExists:
        return
