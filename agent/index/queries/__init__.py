"""Tree-sitter queries, one file a grammar; `ecmascript.scm` is shared."""
