"""Our own queries for each language: what a definition, a reference and an import look like."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from moot.agent import syntax

if TYPE_CHECKING:
    from tree_sitter import Parser, Query

__all__ = ["QUERIES", "TEXT", "Grammar", "language_of", "load_grammar"]

TEXT = "text"
"""The language of every file that no grammar reads: words only."""

QUERIES = {
    "python": ("python",),
    "typescript": ("ecmascript", "typescript"),
    "tsx": ("ecmascript", "typescript"),
    "javascript": ("ecmascript", "javascript"),
    "go": ("go",),
    "rust": ("rust",),
    "sql": ("sql",),
}
"""Language -> query files in `queries/`, joined."""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A loaded parser with its compiled query. Not to be shared between threads."""

    parser: "Parser"
    query: "Query"


def language_of(path: str) -> str:
    """Return the name of a path's language, or `TEXT`."""
    return syntax.language_of(path) or TEXT


@cache
def load_grammar(name: str) -> Grammar:
    """Return the parser and query of a first-class language.

    Raises:
        ImportError: the grammar's wheel is not installed.
    """
    from tree_sitter import Query

    folder = resources.files("moot.agent.index.queries")
    source = "\n".join((folder / f"{query}.scm").read_text("utf-8") for query in QUERIES[name])
    return Grammar(syntax.new_parser(name), Query(syntax.grammar(name), source))
