"""Languages and their grammars: the one place that loads tree-sitter."""

from functools import cache
from importlib import import_module
from pathlib import PurePosixPath

from tree_sitter import Language, Node, Parser

__all__ = ["LANGUAGES", "count_errors", "defects", "grammar", "language_of", "new_parser"]

LANGUAGES = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "sql": ("tree_sitter_sql", "language"),
}
"""Language -> module and function that give its grammar."""

_SUFFIXES = {
    ".py": "python",
    ".pyi": "python",
    ".js": "javascript",
    ".jsx": "javascript",
    ".mjs": "javascript",
    ".cjs": "javascript",
    ".ts": "typescript",
    ".mts": "typescript",
    ".cts": "typescript",
    ".tsx": "tsx",
    ".go": "go",
    ".rs": "rust",
    ".sql": "sql",
}


def language_of(path: str) -> str | None:
    """Return the language of a file by its suffix; None when it has no grammar here."""
    return _SUFFIXES.get(PurePosixPath(path).suffix.lower())


@cache
def grammar(language: str) -> Language:
    """Load a grammar on first use."""
    module, function = LANGUAGES[language]
    return Language(getattr(import_module(module), function)())


def new_parser(language: str) -> Parser:
    """Return a parser of its own: parsers hold state and are not shared between threads."""
    return Parser(grammar(language))


def defects(node: Node) -> int:
    """Count error and missing nodes; only subtrees that have one are visited."""
    if not node.has_error:
        return 0
    return int(node.is_error or node.is_missing) + sum(defects(child) for child in node.children)


def count_errors(path: str, content: bytes) -> int:
    """Return the number of syntax errors in a file; 0 when its language has no grammar here."""
    language = language_of(path)
    return 0 if language is None else defects(new_parser(language).parse(content).root_node)
