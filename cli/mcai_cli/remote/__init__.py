"""Every route of a running gateway as a command: `mcai search -- TCP`, `mcai tasks list --state failed`."""
