"""The bank over HTTP, on real services."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.support.gateway_house import NDJSON, House
from tests.support.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def add(house: House, domain: str, prompt: str, response: str, **more: Any) -> dict[str, Any]:
    answer = await house.client.post(
        f"/api/datasets/{domain}/examples", json={"prompt": prompt, "response": response, **more}
    )
    assert answer.status_code == 201, answer.text
    example: dict[str, Any] = answer.json()["example"]
    return example


async def test_search_gives_exactly_the_promised_fields(house: House) -> None:
    body = (await house.client.get("/api/search", params={"q": "perfect fifth", "limit": 1})).json()

    assert list(body) == ["results"]
    (result,) = body["results"]
    assert set(result) == {
        "id",
        "domain",
        "prompt",
        "response",
        "score",
        "confidence",
        "snippet",
        "metadata",
    }
    assert result["prompt"] == "What is a perfect fifth?"
    assert result["metadata"] == {"level": 1, "tags": ["interval"]}
    assert "<b>fifth</b>" in result["snippet"]


async def test_search_keeps_to_its_domain_and_limit(house: House) -> None:
    inside = await house.client.get("/api/search", params={"q": "what is", "domain": "music", "limit": 1})
    unknown = await house.client.get("/api/search", params={"q": "what is", "domain": "nowhere"})
    nothing = await house.client.get("/api/search", params={"q": "zzzzqq", "domain": "music"})

    assert [each["domain"] for each in inside.json()["results"]] == ["music"]
    assert unknown.status_code == 404
    assert "nowhere" in unknown.json()["detail"]
    assert (nothing.status_code, nothing.json()) == (200, {"results": []})


async def test_a_dataset_lives_and_dies(house: House) -> None:
    created = await house.client.post("/api/datasets", json={"domain": "birds", "description": "Of birds."})
    again = await house.client.post("/api/datasets", json={"domain": "birds"})
    await add(house, "birds", "What is a wren?", "A small brown bird.")
    refused = await house.client.delete("/api/datasets/birds")
    deleted = await house.client.delete("/api/datasets/birds", params={"force": "true"})
    gone = await house.client.get("/api/datasets/birds")

    assert created.status_code == 201
    assert created.json()["description"] == "Of birds."
    assert again.status_code == 409
    assert refused.status_code == 409
    assert deleted.json() == {"deleted_examples": 1}
    assert gone.status_code == 404


async def test_datasets_are_listed_in_pages(house: House) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = await house.client.get("/api/datasets", params={"page_size": 1, "page_token": token})
        names += [each["domain"] for each in page.json()["datasets"]]
        token = page.json()["next_page_token"]
        if not token:
            break
    stats = (await house.client.get("/api/datasets/stats")).json()

    assert names == sorted(names)
    assert {"music", "networking"} <= set(names)
    assert stats["datasets"]["networking"] == 3
    assert stats["total_examples"] == sum(stats["datasets"].values())


async def test_an_example_is_made_found_changed_and_deleted(house: House) -> None:
    example = await add(house, "fish", "What is a tench?", "A fish.", metadata={"deep": [1.50, None]})
    address = f"/api/examples/{example['id']}"

    found = (await house.client.get(address)).json()
    changed = await house.client.patch(address, json={"response": "A freshwater fish."})
    nothing = await house.client.patch(address, json={})
    searched = (await house.client.get("/api/search", params={"q": "tench"})).json()["results"]
    deleted = await house.client.delete(address)
    gone = await house.client.get(address)

    assert found["metadata"] == {"deep": [1.5, None]}
    assert changed.json()["response"] == "A freshwater fish."
    assert (changed.status_code, changed.json()["durability"]) == (200, "committed")
    assert changed.json()["metadata"] == {"deep": [1.5, None]}
    assert nothing.status_code == 400
    assert searched[0]["response"] == "A freshwater fish."
    assert deleted.status_code == 204
    assert gone.status_code == 404


async def test_a_store_that_was_never_away_has_met_no_conflicts(house: House) -> None:
    page = await house.client.get("/api/examples:conflicts", params={"page_size": 5})
    foreign = await house.client.get("/api/examples:conflicts", params={"page_token": "bm9uc2Vuc2U"})

    assert page.json() == {"conflicts": [], "next_page_token": ""}
    assert foreign.status_code == 400


async def test_the_same_example_is_stored_once(house: House) -> None:
    row = {"prompt": "What is a carp?", "response": "A fish."}
    first = await house.client.post("/api/datasets/ponds/examples", json=row)
    second = await house.client.post("/api/datasets/ponds/examples", json=row)

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["durability"] == "committed"
    assert second.json()["duplicate"] is True
    assert first.headers["location"] == f"/api/examples/{second.json()['example']['id']}"


async def test_examples_are_listed_in_pages(house: House) -> None:
    for number in range(3):
        await add(house, "pages", f"What is number {number}?", "A number.")
    first = (await house.client.get("/api/datasets/pages/examples", params={"page_size": 2})).json()
    token = first["next_page_token"]
    rest = (await house.client.get("/api/datasets/pages/examples", params={"page_token": token})).json()

    assert [len(first["examples"]), len(rest["examples"])] == [2, 1]
    assert rest["next_page_token"] == ""


async def test_rows_stream_in_and_are_counted(house: House) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b'{"prompt": "What is oak?", "response": "A tree.", "metadata": {"k": 1}}\n{"prom'
        yield b'pt": "What is ash?", "response": "A tree.", "domain": "ashes"}\n\n'
        yield b'{"prompt": "What is oak?", "response": "A tree."}\n'
        yield b'not json\n{"prompt": "only"}\n{"prompt": "x", "response": "", "origin": "trees.jsonl:9"}'

    response = await house.client.post("/api/datasets/trees:import", content=body(), headers=NDJSON)

    assert response.status_code == 200
    report = response.json()["report"]
    rejections = report.pop("rejections")
    assert report == {"read": 6, "added": 2, "duplicates": 1, "rejected": 3}
    assert [each["origin"] for each in rejections] == ["line 5", "line 6", "trees.jsonl:9"]
    assert "not valid JSON" in rejections[0]["reason"]
    assert "response" in rejections[1]["reason"]
    found = (await house.client.get("/api/search", params={"q": "oak"})).json()["results"]
    assert (found[0]["domain"], found[0]["metadata"]) == ("trees", {"k": 1})
    assert (await house.client.get("/api/datasets/ashes")).json()["example_count"] == 1


async def test_an_import_can_tell_its_progress_line_by_line(house: House) -> None:
    response = await house.client.post(
        "/api/datasets/told:import",
        content=b'{"prompt": "What is told?", "response": "This."}\n',
        headers={"content-type": "application/x-ndjson", "accept": "application/x-ndjson"},
    )

    told = [json.loads(line) for line in response.text.splitlines()]
    assert told[-1]["report"]["added"] == 1


@pytest.mark.parametrize("key", ["%7F%1B[31m", "%252e%252e", "..", "a%2Fb", "x" * 129])
async def test_the_progress_of_what_is_no_key_is_refused(house: House, key: str) -> None:
    assert 400 <= (await house.client.get(f"/api/datasets:import/{key}")).status_code < 500


async def test_an_import_goes_on_where_it_stands(house: House) -> None:
    rows = [
        b'{"prompt": "What is 1?", "response": "1"}',
        b"rubbish",
        b'{"prompt": "What is 3?", "response": "3"}',
    ]
    headers = NDJSON | {"idempotency-key": "goes-on"}
    address = "/api/datasets/goes-on:import"

    unknown = await house.client.get("/api/datasets:import/goes-on")
    await house.client.post(address, content=b"\n".join(rows[:2]), headers=headers)
    settled = await house.client.get("/api/datasets:import/goes-on")
    rest = await house.client.post(f"{address}?first_row=2", content=rows[2], headers=headers)
    everything = await house.client.post(address, content=b"\n".join(rows), headers=headers)
    gap = await house.client.post(f"{address}?first_row=9", content=rows[2], headers=headers)

    assert unknown.json()["next_row"] == 0
    assert settled.json() == {"next_row": 2, "added": 1, "duplicates": 0, "rejected": 1, "finished": True}
    for report in (rest.json()["report"], everything.json()["report"]):
        assert (report["read"], report["added"], report["rejected"]) == (3, 2, 1)
        assert [each["origin"] for each in report["rejections"]] == ["line 2"]
    assert gap.status_code == 409
    assert "row 3 is the next" in gap.json()["detail"]


async def test_an_import_is_not_bound_by_the_limit_of_other_bodies(house: House) -> None:
    filler = "word " * 200
    rows = b"\n".join(
        json.dumps({"prompt": f"What is row {number}?", "response": filler}).encode()
        for number in range(2500)
    )

    response = await house.client.post("/api/datasets/large:import", content=rows, headers=NDJSON)

    assert len(rows) > 2 * 2**20
    assert response.json()["report"]["added"] == 2500


async def test_what_was_imported_is_exported_as_it_was(house: House) -> None:
    rows = [
        {"prompt": f"Say {n}", "response": f"{n}: grüß \U0001f41f", "metadata": {"n": n}} for n in range(3)
    ]
    body = "\n".join(json.dumps(row) for row in rows)
    await house.client.post("/api/datasets/round:import", content=body.encode(), headers=NDJSON)

    for address in ("/api/datasets/round:export", "/api/datasets/round/export"):
        response = await house.client.get(address)
        exported = [json.loads(line) for line in response.text.splitlines()]
        assert response.headers["content-type"] == "application/x-ndjson"
        assert [{key: row[key] for key in rows[0]} for row in exported] == rows


async def test_exporting_an_unknown_domain_is_not_found(house: House) -> None:
    assert (await house.client.get("/api/datasets/nowhere:export")).status_code == 404
    assert (await house.client.get("/api/datasets/nowhere/examples")).status_code == 404


async def test_an_edit_reaches_the_cached_answer(house: House) -> None:
    example = await add(house, "edits", "What is a quokka?", "A marsupial.")
    await house.ask("what is a quokka")
    await house.client.patch(f"/api/examples/{example['id']}", json={"response": "A small marsupial."})

    async def told() -> bool:
        return bool((await house.ask("what is a quokka")).json()["response"] == "A small marsupial.")

    assert await eventually(told)


async def test_examples_are_archived_and_come_back(house: House) -> None:
    ids = [(await add(house, "attic", f"Box {n}?", "Old things."))["id"] for n in range(3)]
    address = "/api/datasets/attic"

    one = await house.client.post(f"{address}:archive", json={"example_ids": ids[:1]})
    rest = await house.client.post(f"{address}:archive")
    shown = (await house.client.get(address)).json()
    restored = await house.client.post(f"{address}:restore", json={"example_ids": ids})
    nowhere = await house.client.post("/api/datasets/nowhere:archive")

    assert (one.json(), rest.json()) == ({"archived": 1}, {"archived": 2})
    assert (shown["example_count"], shown["archived_count"]) == (0, 3)
    assert restored.json() == {"restored": 3, "duplicates": 0}
    assert nowhere.status_code == 404


async def test_a_dataset_is_changed_field_by_field(house: House) -> None:
    await house.client.post("/api/datasets", json={"domain": "rules", "max_examples": 9})

    changed = await house.client.patch("/api/datasets/rules", json={"retention_days": 30})
    again = await house.client.patch("/api/datasets/rules", json={"description": "Kept for a month."})
    unknown = await house.client.patch("/api/datasets/nowhere", json={"description": "x"})
    wrong = await house.client.patch("/api/datasets/rules", json={"analyser": "klingon"})

    assert changed.status_code == 200
    told = again.json()
    assert (told["retention_days"], told["max_examples"]) == (30, 9)
    assert (told["description"], told["analyser"]) == ("Kept for a month.", "english")
    assert (unknown.status_code, wrong.status_code) == (404, 400)
