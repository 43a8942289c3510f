"""The chat page: its files, and that nothing in it comes from elsewhere."""

import re

import pytest

from tests.support.gateway_house import House

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
    assert len(seen) == 4


async def test_nothing_is_inline_nothing_is_foreign_nothing_is_parsed_as_html(house: House) -> None:
    page = (await house.client.get("/")).text

    assert not re.search(r"<script(?![^>]*src=)|<style|style=|\son\w+=", page)
    for name in ("chat.js", "api.js", "elements.js", "markdown.js", "chat.css"):
        text = (await house.client.get(f"/web/{name}")).text
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|https?://\w", text
        )


async def test_a_browser_that_has_a_file_is_told_so(house: House) -> None:
    first = await house.client.get("/web/chat.js")
    again = await house.client.get("/web/chat.js", headers={"if-none-match": first.headers["etag"]})

    assert again.status_code == 304
    assert again.content == b""
