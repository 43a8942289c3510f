import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from servicekit import logs, tracing


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_its_context() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "json", stream=stream)
    log = logs.get_logger("dataset_svc.index")

    with logs.request_context(request_id="r1", service="dataset-svc"), tracing.span("work") as span:
        log.info("indexed", documents=3)
        log.debug("not shown")
    log.info("later")

    first, second = written(stream)
    assert first.pop("timestamp").endswith("Z")
    assert first == {
        "event": "indexed",
        "level": "info",
        "module": "dataset_svc.index",
        "documents": 3,
        "request_id": "r1",
        "service": "dataset-svc",
        "trace_id": span.trace_id,
    }
    assert "request_id" not in second


def test_an_inner_context_keeps_what_it_does_not_set() -> None:
    with logs.request_context(request_id="r1", service="a"):
        with logs.request_context(service="b"):
            assert logs.request_id() == "r1"
        assert logs.request_id() == "r1"
    assert logs.request_id() is None


def test_secrets_are_masked_wherever_they_stand() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "json", stream=stream)

    logs.get_logger("x").info(
        "connected",
        url="redis://user:hunter2@redis:6379/0",
        service_token="hunter2",
        headers={"Authorization": "Bearer hunter2", "accept": "*/*"},
        key=SecretStr("hunter2"),
    )

    assert "hunter2" not in stream.getvalue()
    line = written(stream)[0]
    assert line["url"] == "redis://user:***@redis:6379/0"
    assert line["headers"] == {"Authorization": "***", "accept": "*/*"}


def test_an_exception_is_one_line() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "json", stream=stream)

    try:
        int("absent")
    except ValueError:
        logs.get_logger("x").exception("failed")

    line = written(stream)[0]
    assert "ValueError" in line["exception"]
    assert line["level"] == "error"


def test_foreign_libraries_log_through_the_same_lines_from_warning_upwards() -> None:
    stream = io.StringIO()
    logs.configure("DEBUG", "json", stream=stream)

    logging.getLogger("grpc").info("chatter")
    logging.getLogger("grpc").warning("trouble with %s", "redis://:secret@host")

    (line,) = written(stream)
    assert (line["event"], line["logger"]) == ("trouble with redis://:***@host", "grpc")


def test_the_console_format_is_for_people() -> None:
    stream = io.StringIO()
    logs.configure("INFO", "console", stream=stream)

    logs.get_logger("x").info("ready", address="127.0.0.1:8000")

    assert "ready" in stream.getvalue()
    assert "address=127.0.0.1:8000" in stream.getvalue()
