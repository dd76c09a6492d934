"""Tests of Go."""

import re
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import Dialect, MarkKind, Opened, callee, name_of, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["GO"]

_SKIP = re.compile(r"\.Skip(f|Now)?$|^os\.Exit$|^testing\.Short$")
_BUILD = re.compile(r"//\s*(go:build|\+build)\b")


def _scope(node: "Node") -> str | None:
    return None


def _unit(node: "Node") -> Opened | None:
    if node.type not in ("function_declaration", "method_declaration"):
        return None
    name = name_of(node)
    return Opened(name, re.match(r"(Test|Fuzz|Example)(?![a-z])", name) is not None)


def _mark(node: "Node") -> MarkKind | None:
    if node.type == "comment":
        return "skipped" if _BUILD.match(text_of(node)) else None
    return "skipped" if _SKIP.search(callee(node)) else None


GO = Dialect(
    "go",
    literals=frozenset(
        {"int_literal", "float_literal", "interpreted_string_literal", "raw_string_literal"}
        | {"rune_literal", "true", "false", "nil"}
    ),
    conditions=frozenset({"if_statement"}),
    exits=frozenset({"return_statement", "break_statement", "continue_statement", "goto_statement"}),
    ignored=frozenset({"import_declaration", "package_clause"}),
    scope=_scope,
    unit=_unit,
    mark=_mark,
)
