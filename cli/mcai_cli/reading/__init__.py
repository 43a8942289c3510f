"""Reading pairs out of the files that people have."""
