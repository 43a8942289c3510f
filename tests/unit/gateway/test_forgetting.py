"""What waits in the gateway's journal of somebody who is to be forgotten."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from prometheus_client import CollectorRegistry

from gateway.backends import append_request
from gateway.fallback import KIND_FEEDBACK, KIND_MESSAGES, JournalledMemory
from mcai.dataset.v1 import conversation_pb2
from servicekit.degrade import Degradation
from servicekit.journal import Journal

if TYPE_CHECKING:
    from gateway.backends import DatasetMemory


async def test_what_waits_of_a_forgotten_user_is_dropped(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.sqlite") as journal:
        degradation = Degradation("dataset-svc", CollectorRegistry())
        memory = JournalledMemory(cast("DatasetMemory", None), journal, degradation, max_entries=9)
        for number, user_id in enumerate(("gone", "stays", "gone")):
            said = append_request(f"c{number}", user_id, [])
            await journal.append(f"m{number}", KIND_MESSAGES, said.SerializeToString())
            thought = conversation_pb2.RecordFeedbackRequest(feedback_id=f"f{number}", user_id=user_id)
            await journal.append(f"f{number}", KIND_FEEDBACK, thought.SerializeToString())

        await memory.forget("gone")

        assert [each.entry_id for each in await journal.pending()] == ["m1", "f1"]
