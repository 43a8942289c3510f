"""Background work: tasks, their queue, their workers and their artefacts."""
