"""Which grammar reads which file. Grammars load on first use, so importing this costs nothing."""

from dataclasses import dataclass
from functools import cache
from importlib import import_module, resources
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser, Query
    from typing_extensions import CapsuleType

__all__ = ["LANGUAGES", "TEXT", "Grammar", "Language", "language_of", "load_grammar"]

TEXT = "text"
"""The language of every file that no grammar reads: words only."""


@dataclass(frozen=True, slots=True)
class Language:
    """A first-class language: its file extensions, its grammar's module and function, our queries."""

    name: str
    extensions: tuple[str, ...]
    module: str
    function: str
    queries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grammar:
    """A loaded parser with its compiled query. Not to be shared between threads."""

    parser: "Parser"
    query: "Query"


LANGUAGES = {
    language.name: language
    for language in (
        Language("python", (".py", ".pyi", ".pyw"), "tree_sitter_python", "language", ("python",)),
        Language(
            "typescript",
            (".ts", ".mts", ".cts"),
            "tree_sitter_typescript",
            "language_typescript",
            ("ecmascript", "typescript"),
        ),
        Language("tsx", (".tsx",), "tree_sitter_typescript", "language_tsx", ("ecmascript", "typescript")),
        Language(
            "javascript",
            (".js", ".mjs", ".cjs", ".jsx"),
            "tree_sitter_javascript",
            "language",
            ("ecmascript", "javascript"),
        ),
        Language("go", (".go",), "tree_sitter_go", "language", ("go",)),
        Language("rust", (".rs",), "tree_sitter_rust", "language", ("rust",)),
        Language("sql", (".sql",), "tree_sitter_sql", "language", ("sql",)),
    )
}

_BY_EXTENSION = {ext: language.name for language in LANGUAGES.values() for ext in language.extensions}


def language_of(path: str) -> str:
    """Return the name of a path's language, or `TEXT`."""
    return _BY_EXTENSION.get(PurePosixPath(path).suffix.lower(), TEXT)


@cache
def load_grammar(name: str) -> Grammar:
    """Return the parser and query of a first-class language.

    Raises:
        ImportError: the grammar's wheel is not installed.
    """
    from tree_sitter import Language as TreeSitterLanguage
    from tree_sitter import Parser, Query

    language = LANGUAGES[name]
    capsule: CapsuleType = getattr(import_module(language.module), language.function)()
    grammar = TreeSitterLanguage(capsule)
    folder = resources.files("moot.agent.index.queries")
    source = "\n".join((folder / f"{query}.scm").read_text("utf-8") for query in language.queries)
    return Grammar(Parser(grammar), Query(grammar, source))
