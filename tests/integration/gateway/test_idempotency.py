"""The same key and request give the same answer, streams included; a stream goes on where it broke off."""

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, client_of, make_key
from tests.support.waiting import eventually

if TYPE_CHECKING:
    import httpx2

pytestmark = pytest.mark.asyncio(loop_scope="module")

CREATING = [
    ("/api/chat", {"message": "What is TCP?", "user_id": "ida"}),
    ("/api/datasets", {"domain": "replayed"}),
    ("/api/datasets/replayed/examples", {"prompt": "What is once?", "response": "One time."}),
    ("/api/feedback", {"message": "x", "rating": "like"}),
    ("/api/tasks", {"kind": "cymatic", "parameters": {"frequency_hz": 40, "size_pixels": 64}}),
    ("/api/cymatic/generate", {"frequency_hz": 41, "size_pixels": 64}),
    ("/api/keys", {"name": "once"}),
    ("/v1/chat/completions", {"model": "mcai", "messages": [{"role": "user", "content": "What is TCP?"}]}),
]


@pytest.mark.parametrize(("path", "body"), CREATING)
async def test_a_repeated_post_is_answered_as_the_first_time(
    house: House, path: str, body: dict[str, Any]
) -> None:
    headers = {"idempotency-key": f"key of {path}".replace(" ", "-")}
    first = await house.client.post(path, json=body, headers=headers)
    second = await house.client.post(path, json=body, headers=headers)
    other = await house.client.post(path, json={**body, "more": 1}, headers=headers)

    assert first.status_code < 300, first.text
    assert (second.status_code, second.content) == (first.status_code, first.content)
    assert second.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert second.headers["x-request-id"] != first.headers["x-request-id"]
    assert other.status_code == 422


async def test_a_conversation_holds_a_repeated_message_once(house: House) -> None:
    body = {"message": "What is DNS?", "user_id": "olga", "conversation_id": "once"}
    for _ in range(3):
        await house.client.post("/api/chat", json=body, headers={"idempotency-key": "olga-1"})
    found = await house.client.get("/api/conversations/once", params={"user_id": "olga"})

    assert found.json()["conversation"]["message_count"] == 2


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
async def test_a_repeated_stream_is_the_same_byte_by_byte(house: House, path: str) -> None:
    headers = {"idempotency-key": f"stream-{path.count('/')}", "accept": "text/event-stream"}
    first = await house.client.post(path, json=streamed(path), headers=headers)
    second = await house.client.post(path, json=streamed(path), headers=headers)

    assert first.headers["content-type"].startswith("text/event-stream")
    assert second.content == first.content
    assert second.headers["idempotency-replayed"] == "true"


def streamed(path: str) -> dict[str, Any]:
    if path == "/api/chat":
        return {"message": "What is a chord?"}
    return {"model": "mcai", "messages": [{"role": "user", "content": "What is a chord?"}], "stream": True}


@pytest.mark.parametrize("path", ["/api/chat", "/v1/chat/completions"])
@pytest.mark.parametrize("key", [{}, {"idempotency-key": "resumed"}])
async def test_a_stream_goes_on_behind_the_last_event(house: House, path: str, key: dict[str, str]) -> None:
    headers = {"accept": "text/event-stream"} | {name: value + path[1:3] for name, value in key.items()}
    whole = await house.client.post(path, json=streamed(path), headers=headers)
    events = [each for each in whole.text.split("\n\n") if each]
    ids = [each.split("\n")[0].removeprefix("id: ") for each in events if each.startswith("id: ")]
    rest = await house.client.post(path, json=streamed(path), headers=headers | {"last-event-id": ids[1]})

    assert len(set(ids)) == len(ids) >= 4
    assert [each for each in rest.text.split("\n\n") if each] == events[2:]


async def test_an_id_of_a_stream_that_is_forgotten_begins_anew(house: House) -> None:
    headers = {"accept": "text/event-stream", "last-event-id": "00000000-0000-7000-8000-000000000000:2"}
    answer = await house.client.post("/api/chat", json={"message": "What is a chord?"}, headers=headers)

    assert answer.text.startswith("id: 00000000-0000-7000-8000-000000000000:1\nevent: meta\n")


async def test_of_two_at_once_one_is_told_to_wait(house: House) -> None:
    body = {"message": "What is a perfect fifth?"}
    answers = await asyncio.gather(
        *(house.client.post("/api/chat", json=body, headers={"idempotency-key": "race"}) for _ in range(8))
    )

    done = [each for each in answers if each.status_code == 200]
    assert len({each.content for each in done}) == 1
    for each in answers:
        assert each.status_code in {200, 409}
        if each.status_code == 409:
            assert each.headers["retry-after"] == "1"


async def test_while_one_gateway_works_on_it_another_tells_to_wait_and_then_replays(redis_url: str) -> None:
    body, headers = {"domain": "slowly"}, {"idempotency-key": "in-flight"}
    async with (
        gateway_house("dataset", with_rows=False, redis_url=redis_url) as house,
        house.second_gateway() as second,
    ):
        await house.proxies["dataset"].hang()
        first = asyncio.create_task(house.client.post("/api/datasets", json=body, headers=headers))
        await eventually(lambda: _is_asked(house, "create_dataset"))
        meanwhile = await second.post("/api/datasets", json=body, headers=headers)
        await house.proxies["dataset"].pass_through()

        assert (meanwhile.status_code, meanwhile.headers["retry-after"]) == (409, "1")
        answer = await first
        assert answer.status_code == 201, answer.text
        replayed = await second.post("/api/datasets", json=body, headers=headers)
        assert (replayed.status_code, replayed.content) == (201, answer.content)
        assert replayed.headers["idempotency-replayed"] == "true"


async def _is_asked(house: House, handler: str) -> bool:
    """Says whether the gateway works on a request: whoever does has claimed its key."""
    return handler in (await house.client.get("/api/system/debug/tasks")).text


async def test_a_refusal_for_the_moment_is_not_kept() -> None:
    async with gateway_house() as house:
        headers = {"idempotency-key": "away"}
        body = {"message": "Never asked before?"}
        await house.stop("dataset")
        refused = await house.client.post("/api/chat", json=body, headers=headers)
        await house.start("dataset")
        await house.readiness("ok")
        again = await house.client.post("/api/chat", json=body, headers=headers)

        assert (refused.status_code, again.status_code) == (503, 200)


async def test_a_refusal_for_good_is_given_again(house: House) -> None:
    headers = {"idempotency-key": "wrong"}
    answers = [await house.client.post("/api/chat", json={"message": ""}, headers=headers) for _ in range(2)]

    assert [each.status_code for each in answers] == [400, 400]
    assert answers[1].headers["idempotency-replayed"] == "true"


async def test_a_key_is_its_holders_own() -> None:
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN) as house:
        answers: list[httpx2.Response] = []
        for name in ("ada", "bob"):
            async with client_of(house, await make_key(house, name)) as client:
                answer = await client.post(
                    "/api/chat", json={"message": "What is TCP?"}, headers={"idempotency-key": "mine"}
                )
                answers.append(answer)

        assert [each.status_code for each in answers] == [200, 200]
        assert "idempotency-replayed" not in answers[1].headers


async def test_a_malformed_key_is_refused(house: House) -> None:
    headers = {"idempotency-key": "x" * 129}
    assert (await house.client.post("/api/chat", json={"message": "hi"}, headers=headers)).status_code == 400
