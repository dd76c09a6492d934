"""Our own queries for each language: what a definition, a reference and an import look like."""

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from moot.agent import syntax

if TYPE_CHECKING:
    from tree_sitter import Parser, Query

__all__ = ["QUERIES", "REFERENCES", "TEXT", "Grammar", "Pattern", "language_of", "load_grammar"]

REFERENCES = ("reference", "call", "base")
"""Captures that say how a name is used; the later says more."""

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
    "java": ("java",),
    "c": ("c",),
    "cpp": ("c", "cpp"),
    "c_sharp": ("c_sharp",),
    "ruby": ("ruby",),
    "php": ("php",),
    "bash": ("bash",),
    "kotlin": ("kotlin",),
    "swift": ("swift",),
    "scala": ("scala",),
}
"""Language -> query files in `queries/`, joined."""


_CAPTURE = re.compile(r"@([a-z.]+)")
_ROLES = (
    *REFERENCES,
    "package.part",
    "package",
    "import.from",
    "import.group",
    "import.inner",
    "import.within",
    "import.near",
    "import",
    "doc",
    "attribute",
    "container",
)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What a match says: its role is `definition`, or the capture by which it goes."""

    role: str
    capture: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Grammar:
    """A loaded parser, its query, what each pattern of that says. Not to be shared between threads."""

    parser: "Parser"
    query: "Query"
    patterns: tuple[Pattern, ...]


def language_of(path: str) -> str:
    """Return the name of a path's language, or `TEXT`."""
    return syntax.language_of(path) or TEXT


@cache
def load_grammar(name: str, references: bool = True) -> Grammar:
    """Return the parser and query of a language; without the patterns of references where they are not asked.

    Raises:
        ImportError: the grammar's wheel is not installed.
    """
    from tree_sitter import Query

    folder = resources.files("moot.agent.index.queries")
    source = "\n".join((folder / f"{query}.scm").read_text("utf-8") for query in QUERIES[name])
    query = Query(syntax.grammar(name), source)
    data = source.encode()
    patterns = tuple(
        _pattern(data[query.start_byte_for_pattern(n) : query.end_byte_for_pattern(n)].decode())
        for n in range(query.pattern_count)
    )
    for number, pattern in enumerate(patterns):
        if pattern.role in REFERENCES and not references:
            query.disable_pattern(number)
    return Grammar(syntax.new_parser(name), query, patterns)


def _pattern(source: str) -> Pattern:
    code = "\n".join(line.split(";", 1)[0] if '"' not in line else line for line in source.splitlines())
    captures = _CAPTURE.findall(code)
    role = next((role for role in _ROLES if role in captures), None)
    if role is not None:
        return Pattern(role)
    capture = next(name for name in captures if name.startswith("definition."))
    return Pattern("definition", capture, capture.removeprefix("definition."))
