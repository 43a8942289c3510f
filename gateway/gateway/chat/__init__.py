"""The answer pipeline: understand, recall, retrieve, compose, remember. It knows ports, no transport."""
