"""`mcai logs`: which lines are shown, and how."""

import json
from pathlib import Path

import pytest

from mcai_cli.errors import CommandError
from mcai_cli.log_lines import rendered, show_logs

ENTRY = {
    "event": "breaker open",
    "level": "warning",
    "timestamp": "2026-11-26T11:00:23.5Z",
    "service": "task-svc",
    "dependency": "broker",
    "request_id": "abc",
    "counts": [1, 2],
}
LINE = json.dumps(ENTRY)


def shown(
    line: str, least: str = "info", service: str | None = None, request_id: str | None = None
) -> str | None:
    text = rendered(line, least, service, request_id)
    return None if text is None else text.plain


def test_an_entry_is_a_line_for_people() -> None:
    text = shown(LINE)

    assert text is not None
    assert "warning task-svc         breaker open" in text
    assert text.endswith("dependency=broker  request_id=abc  counts=[1,2]")


@pytest.mark.parametrize(
    ("least", "service", "request_id", "wanted"),
    [
        ("warning", None, None, True),
        ("error", None, None, False),
        ("info", "task-svc", None, True),
        ("info", "dataset-svc", None, False),
        ("info", None, "abc", True),
        ("info", None, "abd", False),
    ],
)
def test_only_what_is_wanted_is_shown(
    least: str, service: str | None, request_id: str | None, wanted: bool
) -> None:
    assert (shown(LINE, least, service, request_id) is not None) is wanted


def test_the_name_of_a_container_stands_for_the_service() -> None:
    line = 'dataset-svc-2  | {"event": "serving", "level": "info"}'

    assert "dataset-svc-2    serving" in (shown(line) or "")
    assert shown(line, service="dataset-svc") is not None
    assert shown(line, service="task-svc") is None


@pytest.mark.parametrize("line", ["worker: Warm shutdown", "{broken", '{"no": "event"}', "[1]"])
def test_what_is_no_entry_is_shown_as_it_is(line: str) -> None:
    assert shown(line) == line
    assert shown(line, "warning") is None


def test_a_traceback_stands_below_its_entry() -> None:
    line = json.dumps(ENTRY | {"exception": "Traceback:\n  boom"})

    assert (shown(line) or "").endswith("\nTraceback:\n  boom")


def test_files_are_read_and_a_wrong_name_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "a.log"
    file.write_text(f"{LINE}\nplain words\n")

    show_logs([file], "info", None, None)
    output = capsys.readouterr().out

    assert "breaker open" in output
    assert "plain words" in output
    with pytest.raises(CommandError, match="cannot be read"):
        show_logs([tmp_path / "none"], "info", None, None)
    with pytest.raises(CommandError, match="no level"):
        show_logs([], "loud", None, None)
