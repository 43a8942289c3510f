"""The bank: datasets, examples, search, conversations and feedback."""
