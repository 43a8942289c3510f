"""What OpenAI's clients must see, whichever way the system runs."""

from typing import Any

import openai

MESSAGES: list[Any] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "What is TCP?"}]},
]


async def check_python_sdk(base_url: str, key: str, domain: str) -> None:
    """A session with the official Python client, streamed and not."""
    async with openai.AsyncOpenAI(base_url=base_url, api_key=key, max_retries=1) as client:
        models = [model.id async for model in client.models.list()]
        assert {"mcai", f"mcai/{domain}"} <= set(models)
        assert not [model for model in models if not model.startswith("mcai")]
        assert (await client.models.retrieve(f"mcai/{domain}")).id == f"mcai/{domain}"

        whole = await client.chat.completions.create(model="mcai", messages=MESSAGES)
        text = whole.choices[0].message.content
        assert text
        assert whole.choices[0].finish_reason == "stop"
        extra: Any = whole.model_extra
        assert extra["mcai"]["sources"]
        assert whole.usage is not None
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens

        stream = await client.chat.completions.create(
            model=f"mcai/{domain}", messages=MESSAGES, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        assert chunks[0].choices[0].delta.role == "assistant"
        assert chunks[-1].choices == []
        assert chunks[-1].usage is not None
        assert [each.usage for each in chunks[:-1]] == [None] * (len(chunks) - 1)
        assert chunks[-2].choices[0].finish_reason == "stop"
        pieces = [each.choices[0].delta.content or "" for each in chunks if each.choices]
        assert "".join(pieces).strip()


def check_node_session(seen: dict[str, Any], domain: str) -> None:
    """What the script of tests/support/node printed."""
    assert {"mcai", f"mcai/{domain}"} <= set(seen["models"])
    assert seen["text"] == seen["streamed"]
    assert seen["source"]
    assert (seen["role"], seen["finish"]) == ("assistant", "stop")
    assert seen["usage"]["total_tokens"] == seen["total_tokens"]
    assert seen["refusals"]["n"]["param"] == "n"
    assert seen["refusals"]["tools"]["status"] == 400
    assert seen["refusals"]["model"]["kind"] == "NotFoundError"
    assert seen["refusals"]["model"]["code"] == "model_not_found"
    assert seen["unauthenticated"] == "AuthenticationError"
