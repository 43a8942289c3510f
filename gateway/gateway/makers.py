"""The chat's port to those who make pictures and music, over task-svc."""

from typing import Final
from urllib.parse import quote

import msgspec

from gateway.backends import Peer, TaskStub, durability
from gateway.chat.model import Craft, Making, Wish
from mcai.task.v1 import task_pb2

_KINDS: Final = {
    Craft.ART: task_pb2.TASK_KIND_ART,
    Craft.MUSIC: task_pb2.TASK_KIND_MUSIC,
    Craft.CYMATIC: task_pb2.TASK_KIND_CYMATIC,
}


class TaskMakers:
    """Begins tasks; it raises what is wrong, and fallback.py answers for it."""

    def __init__(self, peer: Peer[TaskStub]) -> None:
        self._peer = peer

    async def begin(self, wish: Wish, user_id: str | None, request_id: str) -> Making:
        """Begins a task."""
        request = task_pb2.SubmitTaskRequest(
            kind=_KINDS[wish.craft],
            user_id=user_id or "",
            parameters_json=msgspec.json.encode(wish.parameters).decode(),
            request_id=request_id,
        )
        response = await self._peer.ask(lambda stub: stub.SubmitTask(request))
        task = response.task
        name = quote(task.id, safe="")
        return Making(
            id=task.id,
            craft=wish.craft,
            parameters=msgspec.json.decode(task.parameters_json),
            poll_url=f"/api/job/{name}",
            events_url=f"/api/tasks/{name}/events",
            durability=durability(response.durability),
        )
