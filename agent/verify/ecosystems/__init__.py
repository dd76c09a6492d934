"""How a repository of each language, and each of its documents, says that it is tested: pure."""
