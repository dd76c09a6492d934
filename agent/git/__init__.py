"""The user's repository through plumbing commands: reads, private commits, workspaces, publication."""
