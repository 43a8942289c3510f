"""`mcai cache` at a running system."""

import json
from pathlib import Path

from mcai_cli.cache import told
from tests.support.embedded_system import embedded_system, spawn


async def typed(url: str, *words: str) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `mcai cache WORDS`."""
    process = await spawn("cache", *words, "--to", url)
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def test_the_cache_is_looked_at_warmed_and_emptied(tmp_path: Path) -> None:
    async with embedded_system(tmp_path / "data") as system:

        async def is_hit() -> bool:
            answer = await system.client.post("/api/chat", json={"message": "What is TCP?"})
            return bool(json.loads(answer.content)["metadata"]["cache"]["hit"])

        assert not await is_hit()
        assert await is_hit()
        code, output, errors = await typed(system.url, "stats")
        assert code == 0, errors
        assert "embedded: without Redis" in output
        memory, local = output.splitlines()[-2:]
        assert memory.split()[:4] == ["memory", "in", "use", "1"]
        assert local.split()[:4] == ["local", "in", "use", "1"]

        assert await typed(system.url, "warm") == (0, "1 answers are in memory now.\n", "")
        for nothing in (("--domain", "nowhere-of-this-name", "--example", "e"), ("--example", "e")):
            assert (await typed(system.url, "invalidate", *nothing))[0] == 0
        code, _, errors = await typed(system.url, "invalidate")
        assert (code, "--all for everything" in errors) == (1, True)
        code, output, _ = await typed(system.url, "invalidate", "--all")
        assert (code, output.endswith("answers are forgotten.\n")) == (0, True)
        assert not await is_hit()


async def test_what_goes_wrong_is_one_sentence() -> None:
    code, _, errors = await typed("http://127.0.0.1:9", "stats")
    assert (code, len(errors.splitlines())) == (1, 1)
    assert "No gateway answers" in errors


def test_a_tier_that_is_away_is_told_as_such() -> None:
    tier = {"available": False, "entries": -1, "bytes": -1, "max_bytes": 0, "hits": 7}
    cache = {"reachable": True, "mode": "redis", "lookups": 10, "hits": 7, "invalidated": 0}

    lines = told({**cache, "tiers": [{"tier": "redis", **tier}]})

    assert "7 answered, 70.0%" in lines[1]
    assert lines[-1].split() == ["redis", "away", "?", "?", "-", "7"]
