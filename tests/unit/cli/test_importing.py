"""What `mcai import` sends, counts and says."""

import io
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console

from mcai_cli.errors import CommandError
from mcai_cli.importing import BATCH_ROWS, ImportJob, import_path
from mcai_cli.reading.model import ReadingRules, Rejected, Row
from mcai_cli.sinks import Report


class MemorySink:
    """Stores rows, equal ones once, and refuses those whose prompt is "refuse"."""

    def __init__(self) -> None:
        self.rows: set[tuple[str, str, str]] = set()
        self.batches: list[int] = []

    async def send(self, rows: Sequence[Row]) -> Report:
        self.batches.append(len(rows))
        report = Report(read=len(rows))
        for row in rows:
            key = (row.domain, row.prompt, row.response)
            if row.prompt == "refuse":
                report.rejected += 1
                report.rejections.append(Rejected(row.origin, "It was refused."))
            elif key in self.rows:
                report.duplicates += 1
            else:
                self.rows.add(key)
                report.added += 1
        return report


async def run(path: Path, sink: MemorySink, rejects: io.BytesIO | None = None) -> str:
    output = io.StringIO()
    console = Console(file=output, width=200)

    @asynccontextmanager
    async def manager() -> AsyncIterator[MemorySink]:
        yield sink

    job = ImportJob([path], path, ReadingRules(), console, rejects)
    await job.run(manager())
    job.summarise(console)
    return output.getvalue()


def write(path: Path, rows: Sequence[object]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


async def test_rows_go_in_batches_and_are_counted(tmp_path: Path) -> None:
    rows = [{"prompt": f"p{number}", "response": "r"} for number in range(BATCH_ROWS + 1)]
    sink = MemorySink()

    printed = await run(write(tmp_path / "a.jsonl", [*rows, rows[0]]), sink)

    assert sink.batches == [BATCH_ROWS, 2]
    assert "read 1,002   added 1,001   duplicates 1   rejected 0" in printed


async def test_each_rejected_row_is_shown_with_its_place_and_reason(tmp_path: Path) -> None:
    rows = [{"prompt": "refuse", "response": "r"}, {"prompt": "no response"}]
    rejects = io.BytesIO()

    printed = await run(write(tmp_path / "a.jsonl", rows), MemorySink(), rejects)

    assert "rejected a.jsonl:1: It was refused." in printed
    assert "rejected a.jsonl:2: Its fields are prompt: it has no response" in printed
    assert "read 2   added 0   duplicates 0   rejected 2" in printed
    assert [json.loads(line)["origin"] for line in rejects.getvalue().splitlines()] == [
        "a.jsonl:2",
        "a.jsonl:1",
    ]


async def test_many_rejections_are_summed_up(tmp_path: Path) -> None:
    printed = await run(write(tmp_path / "a.jsonl", [{"prompt": "a"}] * 50), MemorySink())

    assert printed.count("rejected a.jsonl:") == 20
    assert "and 30 more rejected; --rejects FILE writes them all" in printed


def test_a_path_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="There is no file or folder"):
        import_path(
            tmp_path / "gone", rules=ReadingRules(), to="http://127.0.0.1:9", data_dir=None, rejects=None
        )


def test_a_gateway_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    file = write(tmp_path / "a.jsonl", [{"prompt": "a", "response": "b"}])

    with pytest.raises(CommandError, match=r"No gateway answers at http://127\.0\.0\.1:9"):
        import_path(file, rules=ReadingRules(), to="http://127.0.0.1:9", data_dir=None, rejects=None)
