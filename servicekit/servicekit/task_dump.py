"""What every asyncio task of the process waits for, for a process that hangs. Names and places, no values."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

_MAX_FRAMES: Final = 40


@dataclass(frozen=True, slots=True)
class TaskDump:
    """One task: its name, its coroutine and its frames, the outermost first, as "file:line function"."""

    name: str
    coroutine: str
    stack: tuple[str, ...]


def dump_tasks() -> list[TaskDump]:
    """Returns the tasks of the running loop that are not done, the one that asks left out."""
    current = asyncio.current_task()
    return [_dump(task) for task in asyncio.all_tasks() if task is not current]


def _dump(task: asyncio.Task[Any]) -> TaskDump:
    coroutine: Any = task.get_coro()
    name = getattr(coroutine, "__qualname__", type(coroutine).__name__)
    return TaskDump(task.get_name(), name, tuple(_frames(coroutine))[:_MAX_FRAMES])


def _frames(awaited: Any) -> Iterator[str]:
    """Follows what awaits what, from the task's own coroutine to the one that is suspended."""
    while awaited is not None:
        frame: FrameType | None = None
        inner: Any = None
        for kind in ("cr", "gi", "ag"):
            frame = frame or getattr(awaited, f"{kind}_frame", None)
            inner = (
                inner
                or getattr(awaited, f"{kind}_await", None)
                or getattr(awaited, f"{kind}_yieldfrom", None)
            )
        if frame is None:
            return
        yield _place(frame.f_code, frame.f_lineno)
        awaited = inner


def _place(code: CodeType, line: int) -> str:
    path = Path(code.co_filename)
    return f"{'/'.join(path.parts[-2:])}:{line} {code.co_qualname}"
