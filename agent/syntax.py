"""Languages and their grammars. tree-sitter loads on first use, so importing this costs nothing."""

import warnings
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Language, Node, Parser
    from typing_extensions import CapsuleType

__all__ = [
    "LANGUAGES",
    "defects",
    "grammar",
    "language_of",
    "line_comment",
    "new_parser",
    "path_in",
    "string_rows",
    "syntax_errors",
]

LANGUAGES = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "sql": ("tree_sitter_sql", "language"),
    "java": ("tree_sitter_java", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
    "c_sharp": ("tree_sitter_c_sharp", "language"),
    "ruby": ("tree_sitter_ruby", "language"),
    "php": ("tree_sitter_php", "language_php"),
    "bash": ("tree_sitter_bash", "language"),
    "kotlin": ("tree_sitter_kotlin", "language"),
    "swift": ("tree_sitter_swift", "language"),
    "scala": ("tree_sitter_scala", "language"),
}
"""Language -> module and function that give its grammar."""

_SUFFIXES = {
    ".py": "python",
    ".pyi": "python",
    ".pyw": "python",
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
    ".java": "java",
    ".c": "c",
    ".h": "cpp",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".hxx": "cpp",
    ".cs": "c_sharp",
    ".rb": "ruby",
    ".rake": "ruby",
    ".gemspec": "ruby",
    ".php": "php",
    ".sh": "bash",
    ".bash": "bash",
    ".kt": "kotlin",
    ".kts": "kotlin",
    ".swift": "swift",
    ".scala": "scala",
    ".sc": "scala",
}
"""A `.h` is read as C++, whose grammar takes in nearly all of C."""


_STRINGS = frozenset(
    {
        *("string", "string_literal", "raw_string", "raw_string_literal", "verbatim_string_literal"),
        *("template_string", "interpolated_string_expression", "encapsed_string"),
        *("multiline_string_literal", "multi_line_string_literal"),
        *("heredoc", "heredoc_body", "heredoc_redirect", "nowdoc"),
    }
)

_LINE_COMMENTS = {"python": "#", "ruby": "#", "bash": "#", "sql": "--"}


def language_of(path: str) -> str | None:
    """Return the language of a file by its suffix; None when it has no grammar here."""
    return _SUFFIXES.get(path[path.rfind(".") :].lower())  # a folder's dot gives no suffix that is listed


def path_in(language: str) -> str:
    """Return a path that `language_of` takes for the language's; KeyError where there is none."""
    suffixes = {name: suffix for suffix, name in reversed(_SUFFIXES.items())}
    return f"untitled{suffixes[language]}"


@cache
def grammar(language: str) -> "Language":
    """Load a grammar on first use."""
    from tree_sitter import Language

    module, function = LANGUAGES[language]
    capsule: CapsuleType = getattr(import_module(module), function)()
    return Language(capsule)


def line_comment(language: str | None) -> str:
    """Return what starts a line comment in a language; `#` where it is not known."""
    return "#" if language is None else _LINE_COMMENTS.get(language, "//")


def new_parser(language: str) -> "Parser":
    """Return a parser of its own: parsers hold state and are not shared between threads."""
    from tree_sitter import Parser

    return Parser(grammar(language))


def defects(node: "Node") -> int:
    """Count error and missing nodes; only subtrees that have one are visited."""
    return len(_defect_lines(node))


def syntax_errors(path: str, content: bytes) -> list[int]:
    """Return the line, from 1, of each syntax error in a file; none when its language has no grammar here.

    Python's grammar accepts any indentation, so Python's own parser is asked about that.
    """
    language = language_of(path)
    if language is None:
        return []
    lines = _defect_lines(new_parser(language).parse(content).root_node)
    return lines + _indentation_errors(content) if language == "python" else lines


def string_rows(path: str, fragment: str) -> list[range]:
    """Return the rows, from 0, that begin within each string; none when the language has no grammar here.

    Args:
        path: says the language.
        fragment: code of it, with any indentation.
    """
    language = language_of(path)
    if language is None or "\n" not in fragment:
        return []
    opening = "<?php " if language == "php" and "<?" not in fragment else ""
    content = (opening + fragment.lstrip(" \t")).encode("utf-8", "replace")
    rows, stack = list[range](), [new_parser(language).parse(content).root_node]
    while stack:
        node = stack.pop()
        first, last = node.start_point.row, node.end_point.row
        if first < last and node.type in _STRINGS:
            rows.append(range(first + 1, last + 1))
        elif first < last:
            stack += node.children
    return rows


def _defect_lines(root: "Node") -> list[int]:
    # A loop: hostile text nests deeper than calls may.
    lines: list[int] = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.has_error:
            if node.is_error or node.is_missing:
                lines.append(node.start_point.row + 1)
            stack += reversed(node.children)
    return lines


def _indentation_errors(content: bytes) -> list[int]:
    """Other errors are left out: they depend on the version of Python that runs this."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(content, "m.py", "exec", dont_inherit=True)
        except IndentationError as exc:
            return [exc.lineno or 1]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return []
    return []
