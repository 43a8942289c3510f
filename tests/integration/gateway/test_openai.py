"""/v1 as OpenAI's own clients use it, and what they cannot show."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import openai
import pytest
import pytest_asyncio

from tests.support.gateway_house import House, gateway_house
from tests.support.keys import ADMIN_TOKEN, client_of, make_key
from tests.support.node_sdk import session
from tests.support.openai_sessions import MESSAGES, check_node_session, check_python_sdk

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def guarded() -> AsyncIterator[House]:
    """A house that asks for keys, as OpenAI does."""
    async with gateway_house(auth="required", admin_token=ADMIN_TOKEN) as house:
        yield house


async def test_the_official_python_client(guarded: House) -> None:
    await check_python_sdk(f"{guarded.listener.url}/v1", await make_key(guarded, "python"), "networking")


async def test_the_official_node_client(guarded: House, node_sdk: Path) -> None:
    key = await make_key(guarded, "node")

    check_node_session(await session(node_sdk, f"{guarded.listener.url}/v1", key), "networking")


@pytest.mark.parametrize(
    ("parameters", "param"),
    [
        ({"n": 2}, "n"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"logprobs": True}, "logprobs"),
        ({"logit_bias": {"50256": -100}}, "logit_bias"),
        ({"modalities": ["text", "audio"]}, "modalities"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
            "messages[0].content",
        ),
    ],
)
async def test_what_cannot_be_done_is_refused_by_name(
    house: House, parameters: dict[str, Any], param: str
) -> None:
    body = {"model": "mcai", "messages": MESSAGES, **parameters}
    response = await house.client.post("/v1/chat/completions", json=body)

    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert response.headers["x-should-retry"] == "false"


@pytest.mark.parametrize(
    "parameters",
    [
        {"temperature": 3},
        {"top_p": 2},
        {"max_tokens": 0},
        {"stop": ["a"] * 5},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"role": "king", "content": "x"}]},
        {"stream": "yes"},
        {"model": None},
    ],
)
async def test_values_out_of_range_are_openai_errors(house: House, parameters: dict[str, Any]) -> None:
    body = {"model": "mcai", "messages": MESSAGES, **parameters}
    response = await house.client.post("/v1/chat/completions", json=body)

    assert response.status_code == 400
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["type"] == "invalid_request_error"


async def test_unknown_parameters_and_those_without_a_meaning_are_ignored(house: House) -> None:
    body = {
        "model": "mcai",
        "messages": [*MESSAGES, {"role": "tool", "content": "x", "tool_call_id": "1"}],
        "n": 1,
        "temperature": 0.2,
        "seed": 7,
        "service_tier": "auto",
        "parallel_tool_calls": False,
        "something_new": {"deep": [1]},
        "modalities": ["text"],
        "response_format": {"type": "text"},
    }

    assert (await house.client.post("/v1/chat/completions", json=body)).status_code == 200


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_ends_after_so_many_tokens(house: House, name: str, stream: bool) -> None:
    text, reason = await completed(house, stream=stream, **{name: 3})

    assert (text, reason) == ("A reliable byte", "length")


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_ends_before_a_stop(house: House, stream: bool) -> None:
    text, reason = await completed(house, stream=stream, stop=[" stream", "nothing"])

    assert (text, reason) == ("A reliable byte", "stop")


async def completed(house: House, *, stream: bool, **parameters: Any) -> tuple[str, str | None]:
    async with openai.AsyncOpenAI(base_url=f"{house.listener.url}/v1", api_key="none") as client:
        create: Any = client.chat.completions.create
        if not stream:
            answer = await create(model="mcai", messages=MESSAGES, **parameters)
            return answer.choices[0].message.content, answer.choices[0].finish_reason
        chunks = [
            each.choices[0]
            async for each in await create(model="mcai", messages=MESSAGES, stream=True, **parameters)
        ]
        return "".join(each.delta.content or "" for each in chunks), chunks[-1].finish_reason


async def test_a_stream_ends_with_done_and_cites_its_sources(house: House) -> None:
    body = {"model": "mcai", "messages": MESSAGES, "stream": True}
    response = await house.client.post("/v1/chat/completions", json=body)

    lines = [event.rpartition("data: ")[2] for event in response.text.split("\n\n") if event]
    assert response.headers["content-type"].startswith("text/event-stream")
    assert lines[-1] == "[DONE]"
    events = [json.loads(line) for line in lines[:-1]]
    assert events[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert events[-1]["mcai"]["sources"][0]["prompt"] == "What is TCP?"
    assert "usage" not in events[0]


async def test_it_is_remembered_only_when_it_is_to_be_stored(guarded: House) -> None:
    async with client_of(guarded, await make_key(guarded, "keeper")) as client:
        body = {"model": "mcai", "messages": MESSAGES}
        await client.post("/v1/chat/completions", json=body)
        assert (await client.get("/api/conversations")).json()["conversations"] == []
        await client.post("/v1/chat/completions", json={**body, "store": True})
        assert len((await client.get("/api/conversations")).json()["conversations"]) == 1


async def test_while_the_bank_is_away_the_client_is_told_to_try_again() -> None:
    async with gateway_house() as house:
        await house.stop("dataset")
        body = {"model": "mcai", "messages": [{"role": "user", "content": "Never asked before?"}]}
        response = await house.client.post("/v1/chat/completions", json=body)

        assert response.status_code == 503
        assert response.json()["error"]["type"] == "server_error"
        assert response.headers["x-should-retry"] == "true"
        assert int(response.headers["retry-after-ms"]) <= 1000 * int(response.headers["retry-after"])


async def test_the_python_client_tries_again_and_gets_the_answer() -> None:
    async with gateway_house() as house:
        await house.stop("dataset")
        async with openai.AsyncOpenAI(
            base_url=f"{house.listener.url}/v1", api_key="none", max_retries=8
        ) as client:
            refused = await house.client.post(
                "/v1/chat/completions", json={"model": "mcai", "messages": MESSAGES}
            )
            assert refused.status_code == 503
            await house.start("dataset")
            answer = await client.chat.completions.create(model="mcai", messages=MESSAGES)

            assert answer.choices[0].message.content == "A reliable byte stream over IP."
