"""The `mcai` command."""
