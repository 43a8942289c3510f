"""Which generator makes which kind. Called in worker processes only: the generators import numpy."""

from pathlib import Path

from task_svc.model import Parameters, Product, TaskKind
from task_svc.ports import Progress


def make(kind: TaskKind, parameters: Parameters, directory: Path, progress: Progress) -> Product:
    """Returns the product of a task, its files in `directory`; blocks until it is made.

    Whatever `progress` raises ends the work and is passed on.
    """
    # Here and not above: the service process, which imports this module's callers, needs no numpy.
    match kind:
        case TaskKind.ART:
            from task_svc.art.generator import make_picture  # noqa: PLC0415

            return make_picture(parameters, directory, progress)
        case TaskKind.CYMATIC:
            from task_svc.cymatics.generator import make_pattern  # noqa: PLC0415

            return make_pattern(parameters, directory, progress)
        case TaskKind.MUSIC:
            from task_svc.music.generator import make_music  # noqa: PLC0415

            return make_music(parameters, directory, progress)
