"""Outcomes of published edits, kept on this machine alone."""
