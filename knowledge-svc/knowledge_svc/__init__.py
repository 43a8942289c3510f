"""Answers already worked out: the shared cache behind the chat."""
