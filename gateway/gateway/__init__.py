"""The HTTP front of MC AI: composes an answer out of the other services and owns no data."""
