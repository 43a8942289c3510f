"""Whatever is sent, the answer is a 4xx problem with a sentence, never a fault of ours."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.support.gateway_house import House

pytestmark = pytest.mark.asyncio(loop_scope="module")

JSON = {"content-type": "application/json"}


def refused(response: httpx2.Response, *statuses: int) -> dict[str, Any]:
    """The problem of a refusal."""
    assert response.status_code in (statuses or range(400, 500)), response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = response.json()
    assert problem["status"] == response.status_code
    assert problem["error"] == problem["detail"]
    assert problem["detail"].endswith((".", "provided"))
    assert problem["request_id"] == response.headers["x-request-id"]
    return problem


@pytest.mark.parametrize("body", [{}, {"message": ""}, {"message": " \n\t "}, {"message": None}])
async def test_no_message(house: House, body: dict[str, Any]) -> None:
    response = await house.client.post("/api/chat", json=body)

    assert refused(response, 400)["error"] == "No message provided"


@pytest.mark.parametrize(
    "body",
    [
        {"message": 1},
        {"message": ["what"]},
        {"message": {"text": "what"}},
        {"message": "what", "conversation_history": "before"},
        {"message": "what", "conversation_history": [1]},
        {"message": "what", "conversation_history": [{"role": "king", "content": "x"}]},
        {"message": "what", "conversation_history": [{"role": "user"}]},
        {"message": "what", "user_id": 7},
        {"message": "what", "user_id": ""},
        {"message": "what", "user_id": "../../etc/passwd"},
        {"message": "what", "user_id": "a" * 129},
        {"message": "what", "user_id": ".."},
        {"message": "what", "user_id": "a\nb"},
        {"message": "what", "user_id": "ada\n"},
        {"message": "what", "conversation_id": "a/b"},
        {"message": "what", "preferences": 1},
        {"message": "what", "preferences": {"humor_level": 101}},
        {"message": "what", "preferences": {"humor_level": "very"}},
        {"message": "what", "domains": "music"},
        {"message": "what", "domains": ["x"] * 17},
        {"message": "x" * 1_000_000},
        {"message": "what", "conversation_history": [{"role": "user", "content": "y" * 9000}]},
        {"message": "nul \x00 inside"},
        {"message": "what", "extra": {"deep": ["\x00"]}},
        [],
        "what",
        1,
    ],
)
async def test_wrong_types_and_sizes(house: House, body: Any) -> None:
    refused(await house.client.post("/api/chat", json=body), 400)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"what",
        b"{'message': 'what'}",
        b'{"message": "what",}',
        b'{"message": "\xff\xfe"}',
        b'{"message": "\xed\xa0\x80"}',
        b'{"message": "\\ud800"}',
        b'{"message": "\\ud83d what"}',
        b'{"message": "what\\u0000"}',
        b'{"message": "a\x00b"}',
        b"\x00",
        b'\xef\xbb\xbf{"message": "what"}',
        '{"message": "what"}'.encode("utf-16"),
        b'{"message": NaN}',
        b'{"message": ' + b"[" * 200_000,
        b'{"a":' * 200_000,
    ],
)
async def test_bodies_that_are_no_json(house: House, body: bytes) -> None:
    refused(await house.client.post("/api/chat", content=body, headers=JSON), 400)


async def test_an_unknown_domain(house: House) -> None:
    for body in ({"domain": "nowhere"}, {"domains": ["music", "nowhere"]}):
        problem = refused(await house.client.post("/api/chat", json={"message": "what", **body}), 404)
        assert "nowhere" in problem["detail"]
    refused(await house.client.post("/api/chat", json={"message": "what", "domain": "../etc"}))


@pytest.mark.parametrize(
    "headers",
    [{}, {"content-type": "text/plain"}, {"content-type": "application/x-www-form-urlencoded"}],
)
async def test_another_media_type(house: House, headers: dict[str, str]) -> None:
    response = await house.client.post("/api/chat", content=b'{"message": "hi"}', headers=headers)

    refused(response, 415)


async def test_a_body_that_is_too_large(house: House) -> None:
    body = b'{"message": "' + b"x" * (3 * 2**20) + b'"}'

    async def in_chunks() -> Any:
        for start in range(0, len(body), 65_536):
            yield body[start : start + 65_536]

    refused(await house.client.post("/api/chat", content=body, headers=JSON), 413)
    refused(await house.client.post("/api/chat", content=in_chunks(), headers=JSON), 413)


async def test_a_line_of_an_import_that_is_too_long(house: House) -> None:
    response = await house.client.post(
        "/api/datasets/long:import",
        content=b'{"prompt": "' + b"x" * (5 * 2**20),
        headers={"content-type": "application/x-ndjson"},
    )

    refused(response, 413)


async def test_rows_of_an_import_that_no_store_can_keep(house: House) -> None:
    rows = [
        b'{"prompt": "\\u0000", "response": "x"}',
        b'{"prompt": "\\ud800", "response": "x"}',
        b'{"prompt": "\xff", "response": "x"}',
        b'{"prompt": "x", "response": "x", "metadata": [1]}',
        b'{"prompt": "x", "response": "x", "metadata": {"a": "\xff"}}',
        b'{"prompt": "x", "response": "x", "domain": "../../etc"}',
        b"[" * 100_000,
        b"null",
    ]
    response = await house.client.post(
        "/api/datasets/hopeless:import",
        content=b"\n".join(rows),
        headers={"content-type": "application/x-ndjson"},
    )

    assert response.status_code == 200
    report = response.json()["report"]
    assert (report["read"], report["rejected"]) == (len(rows), len(rows))
    assert all(each["reason"] for each in report["rejections"])


@pytest.mark.parametrize(
    "name", ["%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "%ff%fe", "%F0%9F%92%A9"]
)
@pytest.mark.parametrize(
    "address",
    [
        "/api/datasets/{}",
        "/api/datasets/{}/examples",
        "/api/datasets/{}:export",
        "/api/examples/{}",
        "/api/conversations/{}?user_id=ada",
        "/api/tasks/{}",
        "/api/tasks/{}/events",
        "/api/tasks/{}/artifacts/x.png",
        "/api/tasks/x/artifacts/{}",
        "/api/job/{}",
        "/web/{}",
    ],
)
async def test_names_that_lead_elsewhere(house: House, address: str, name: str) -> None:
    refused(await house.client.get(address.format(name)))


@pytest.mark.parametrize(
    "query",
    [
        "",
        "q=",
        "q=%20",
        "q=%00",
        "q=x&limit=0",
        "q=x&limit=101",
        "q=x&limit=many",
        f"q={'x' * 5000}",
        "q=x&domain=..%2f",
    ],
)
async def test_searches(house: House, query: str) -> None:
    refused(await house.client.get(f"/api/search?{query}"))


@pytest.mark.parametrize(
    ("method", "address", "body"),
    [
        ("GET", "/api/datasets?page_size=-1", None),
        ("GET", "/api/datasets?page_token=rubbish", None),
        ("GET", "/api/datasets/music/examples?page_token=AAAA", None),
        ("POST", "/api/datasets", {"domain": ""}),
        ("POST", "/api/datasets", {"domain": "x" * 65}),
        ("POST", "/api/datasets", {"domain": "-x"}),
        ("POST", "/api/datasets", {"domain": "ok", "retention_days": -1}),
        ("POST", "/api/datasets/music/examples", {"prompt": "x"}),
        ("POST", "/api/datasets/music/examples", {"prompt": "", "response": "x"}),
        ("POST", "/api/datasets/music/examples", {"prompt": "x", "response": "x", "metadata": []}),
        ("POST", "/api/datasets/music/examples", {"prompt": "x" * 20_000, "response": "x"}),
        ("PATCH", "/api/examples/nothing", {"prompt": "x"}),
        ("PATCH", "/api/examples/nothing", {"prompt": None}),
        ("DELETE", "/api/examples/nothing", None),
        ("DELETE", "/api/datasets/nowhere", None),
        ("GET", "/api/conversations", None),
        ("GET", "/api/conversations?user_id=..%2f", None),
        ("GET", "/api/conversations/none?user_id=ada", None),
        ("DELETE", "/api/conversations/none?user_id=ada", None),
        ("GET", "/api/history", None),
        ("GET", "/api/history?user_id=ada&limit=0", None),
        ("POST", "/api/feedback", {"message": "x"}),
        ("POST", "/api/feedback", {"message": "x", "rating": "adore"}),
        ("POST", "/api/feedback", {"message": "", "rating": "like"}),
        ("POST", "/api/emotion/analyze", {"text": ""}),
        ("POST", "/api/emotion/analyze", {"text": 5}),
        ("GET", "/api/users/%2e%2e:export", None),
        ("DELETE", "/api/users/.", None),
        ("POST", "/api/tasks", {"kind": "sculpture"}),
        ("POST", "/api/tasks", {"kind": "cymatic", "parameters": []}),
        ("POST", "/api/tasks", {"kind": "cymatic", "priority": 10}),
        ("POST", "/api/cymatic/generate", [1]),
        ("GET", "/api/tasks?state=asleep", None),
        ("GET", "/api/nothing", None),
        ("GET", "/api/chat", None),
        ("PUT", "/api/datasets", None),
        ("POST", "/api/system/cache/invalidate", {"all": "yes"}),
        ("POST", "/api/system/cache/warm", {"max_entries": 0}),
    ],
)
async def test_other_routes(house: House, method: str, address: str, body: Any) -> None:
    refused(await house.client.request(method, address, json=body if body is not None else {}))


async def test_a_page_of_another_site_cannot_write(house: House) -> None:
    for site in ("cross-site", "same-site"):
        headers = {"sec-fetch-site": site}
        response = await house.client.post("/api/system/cache/invalidate", headers=headers)
        refused(response, 403)
    own = await house.client.post(
        "/api/chat", json={"message": "hi"}, headers={"sec-fetch-site": "same-origin"}
    )
    assert own.status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    ],
)
async def test_a_request_for_nobody_or_for_two(house: House, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
    writer.write(head)
    assert (await reader.readline()).startswith(b"HTTP/1.1 400 ")
    writer.close()
    await writer.wait_closed()


async def test_huge_headers_and_addresses(house: House) -> None:
    refused(await house.client.get("/livez", headers={"x-filler": "x" * 40_000}), 431)
    refused(await house.client.get("/livez?" + "x" * 5_000), 414)


@pytest.mark.parametrize(
    "head",
    [
        b"BREW /livez HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: many\r\n\r\n",
        b"POST /api/chat HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nhost: x\r\nx-a: b\r\n c\x00d\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
async def test_what_is_hardly_http(house: House, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.listener.port)
    writer.write(head)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()

    assert b" 500 " not in answer.split(b"\r\n")[0]
    assert (await house.client.get("/livez")).status_code == 200
