"""One adapter for each test framework: a command that also writes a report, and how the report is read."""
