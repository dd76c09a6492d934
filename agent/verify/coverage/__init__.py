"""Which lines each test executes, measured in the sandbox with the tools of each language."""
