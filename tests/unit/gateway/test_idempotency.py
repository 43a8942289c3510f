"""The order in which an answer is kept and given."""

from pathlib import Path

from starlette.types import Message, Receive, Scope, Send

from gateway.access import ANYBODY
from gateway.auth import PRINCIPAL
from gateway.idempotency import Idempotency
from gateway.sqlite_replays import SqliteReplays


async def answer(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"made"})


async def test_who_has_the_whole_answer_may_repeat_the_request_at_once(tmp_path: Path) -> None:
    async with SqliteReplays(tmp_path / "replays.sqlite", claim_seconds=60, now=lambda: 0.0) as replays:
        app = Idempotency(answer, replays, skips=lambda _: False, new_id=lambda: "0123456789ab")
        scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": "/api/tasks",
            "query_string": b"",
            "headers": [(b"idempotency-key", b"once")],
            PRINCIPAL: ANYBODY,
        }
        repeated: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}"}

        async def remember(message: Message) -> None:
            repeated.append(message)

        async def send(message: Message) -> None:
            if message["type"] == "http.response.body":
                await app(dict(scope), receive, remember)

        await app(dict(scope), receive, send)

    assert repeated[0]["status"] == 200
    assert (b"idempotency-replayed", b"true") in repeated[0]["headers"]
    assert b"".join(each.get("body", b"") for each in repeated) == b"made"
