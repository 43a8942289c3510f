"""What `mcai import` sends, counts and says."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console

from mcai_cli.errors import CommandError
from mcai_cli.importing import ImportJob, import_path, say
from mcai_cli.reading.model import ReadingRules
from mcai_cli.transfer import BATCH_ITEMS
from tests.support.memory_bank import MemoryBank


async def run(path: Path, bank: MemoryBank, rejects: io.BytesIO | None = None) -> str:
    output = io.StringIO()
    console = Console(file=output, width=200)

    @asynccontextmanager
    async def manager() -> AsyncIterator[MemoryBank]:
        yield bank

    job = ImportJob([path], path, ReadingRules(), console, rejects)
    report = await job.run(manager())
    job.say_how_many_more()
    say(report, console)
    return output.getvalue()


def write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


async def test_rows_go_in_one_stream_and_are_counted(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "response": "r"} for number in range(BATCH_ITEMS + 1)]
    bank = MemoryBank()

    printed = await run(write(tmp_path / "a.jsonl", [*rows, rows[0]]), bank)

    assert bank.streams == [(0, BATCH_ITEMS + 2)]
    assert f"read {BATCH_ITEMS + 2}   added {BATCH_ITEMS + 1}   duplicates 1   rejected 0" in printed


async def test_an_import_that_breaks_off_says_so_and_tells_each_rejection_once(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "response": "r"} for number in range(3 * BATCH_ITEMS)]
    bank = MemoryBank()
    bank.breaks = [1, 2]

    printed = await run(write(tmp_path / "a.jsonl", [{"prompt": "alone"}, *rows]), bank)

    assert printed.count("rejected a.jsonl:1: Its fields are prompt") == 1
    assert printed.count("The connection broke off. The import goes on from where it stands") == 2
    assert "read 1,501   added 1,500   duplicates 0   rejected 1" in printed


async def test_each_rejected_row_is_shown_with_its_place_and_reason(tmp_path: Path) -> None:
    rows = [{"prompt": "x" * 16_385, "response": "r"}, {"prompt": "no response"}]
    rejects = io.BytesIO()

    printed = await run(write(tmp_path / "a.jsonl", rows), MemoryBank(), rejects)

    assert "rejected a.jsonl:1: prompt must be at most 16,384 characters long." in printed
    assert "rejected a.jsonl:2: Its fields are prompt: it has no response" in printed
    assert "read 2   added 0   duplicates 0   rejected 2" in printed
    assert [json.loads(line)["origin"] for line in rejects.getvalue().splitlines()] == [
        "a.jsonl:1",
        "a.jsonl:2",
    ]


async def test_many_rejections_are_summed_up(tmp_path: Path) -> None:
    printed = await run(write(tmp_path / "a.jsonl", [{"prompt": "a"}] * 50), MemoryBank())

    assert printed.count("rejected a.jsonl:") == 20
    assert "and 30 more rejected; --rejects FILE writes them all" in printed


def test_a_path_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file or folder"):
        import_path(tmp_path / "gone", rules=ReadingRules(), to="http://127.0.0.1:9", rejects=None)


def test_a_gateway_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"prompt": "a", "response": "b"}])

    with pytest.raises(CommandError, match=r"No gateway answers at http://127\.0\.0\.1:9"):
        import_path(file, rules=ReadingRules(), to="http://127.0.0.1:9", rejects=None)


def test_an_address_of_no_known_kind_is_one_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"prompt": "a", "response": "b"}])

    with pytest.raises(CommandError, match="No bank can be reached by ftp://"):
        import_path(file, rules=ReadingRules(), to="ftp://somewhere", rejects=None)
