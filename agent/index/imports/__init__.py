"""Which files of a tree an import means: `resolve` lists the languages, and each has its rule in a module."""
