"""Finds a repository's tests, runs them in the sandbox and reads what they say."""
