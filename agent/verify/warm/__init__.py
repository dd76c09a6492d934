"""Many versions of a few files in one process: pytest is imported once, each version runs in a fork of it."""
