"""The chat page: its files, and that nothing in it comes from elsewhere."""

import re

import pytest

from tests.support.gateway_house import House, gateway_house

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_page_and_all_that_it_names_is_there(house: House) -> None:
    page = await house.client.get("/")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    named = re.findall(r'(?:href|src)="(/[^"]*)"', page.text)
    assert named
    scripts = [name for name in named if name.endswith(".js")]
    for name in named:
        assert (await house.client.get(name)).status_code == 200
    seen = set(scripts)
    while scripts:
        source = (await house.client.get(scripts.pop())).text
        for imported in re.findall(r'from "\./([^"]+)"', source):
            assert (await house.client.get(f"/web/{imported}")).status_code == 200
            if f"/web/{imported}" not in seen:
                seen.add(f"/web/{imported}")
                scripts.append(f"/web/{imported}")
    assert len(seen) == 5


async def test_nothing_is_inline_nothing_is_foreign_nothing_is_parsed_as_html(house: House) -> None:
    page = (await house.client.get("/")).text

    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", page)
    for name in ("chat.js", "api.js", "elements.js", "making.js", "markdown.js", "chat.css"):
        text = (await house.client.get(f"/web/{name}")).text
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://\w", text
        )


async def test_a_browser_that_has_a_file_is_told_so(house: House) -> None:
    first = await house.client.get("/web/chat.js")
    again = await house.client.get("/web/chat.js", headers={"if-none-match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.content == b""


@pytest.mark.parametrize("path", ["/", "/web/chat.js", "/openapi.json", "/api/emotions", "/v1/models"])
async def test_what_seldom_changes_is_sent_once(house: House, path: str) -> None:
    first = await house.client.get(path)
    again = await house.client.get(path, headers={"if-none-match": first.headers["etag"]})

    assert first.headers["cache-control"].endswith("no-cache")
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
    assert again.headers["etag"] == first.headers["etag"]


@pytest.mark.parametrize("path", ["/web/chat.js", "/openapi.json", "/api/emotions"])
async def test_who_reads_gzip_is_sent_it(house: House, path: str) -> None:
    sizes = []
    for accepted in ("gzip", "identity"):
        async with house.client.stream("GET", path, headers={"accept-encoding": accepted}) as answer:
            sizes.append(len(b"".join([piece async for piece in answer.aiter_raw()])))
            assert answer.headers.get("content-encoding", "identity") == accepted
            assert "accept-encoding" in answer.headers["vary"].lower()

    assert sizes[0] < sizes[1] / 2


async def test_pages_of_named_origins_may_use_the_api_and_no_others() -> None:
    async with gateway_house(cors_origins="https://a.org, https://b.org") as house:
        seen = {}
        for origin in ("https://b.org", "https://c.org"):
            headers = {"origin": origin, "sec-fetch-site": "cross-site"}
            asked = await house.client.options(
                "/api/chat", headers={**headers, "access-control-request-method": "POST"}
            )
            answer = await house.client.post("/api/chat", json={"message": "What is TCP?"}, headers=headers)
            seen[origin] = (
                asked.status_code,
                answer.status_code,
                answer.headers.get("access-control-allow-origin"),
            )

        assert seen == {"https://b.org": (200, 200, "https://b.org"), "https://c.org": (400, 403, None)}
