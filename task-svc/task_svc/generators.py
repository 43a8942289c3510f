"""Which generator makes which kind. Called in worker processes only: the generators import numpy."""

from pathlib import Path

from task_svc.model import Parameters, Product, TaskKind
from task_svc.ports import Progress


def make(kind: TaskKind, parameters: Parameters, directory: Path, progress: Progress) -> Product:
    """Returns the product of a task, its files in `directory`; blocks until it is made.

    Whatever `progress` raises ends the work and is passed on.
    """
    if kind is TaskKind.CYMATIC:
        # Here and not above: the service process, which imports this module's callers, needs no numpy.
        from task_svc.cymatics.generator import make_pattern  # noqa: PLC0415

        return make_pattern(parameters, directory, progress)
    raise ValueError(f"No generator makes {kind.value}.")
