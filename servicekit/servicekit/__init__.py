"""The runtime that every MC AI service shares."""
