"""Tests of Rust."""

import re
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import Dialect, MarkKind, Opened, name_of, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["RUST"]

_TEST = re.compile(r"#\[\s*([\w:]*::)?(test|rstest|test_case|\w+_test)\b")
_SKIP = re.compile(r"#!?\[\s*(ignore|should_panic|cfg_attr\(.*ignore|cfg\((?!test\b))", re.DOTALL)


def _scope(node: "Node") -> str | None:
    if node.type == "impl_item":
        return text_of(node.child_by_field_name("type"))
    return name_of(node) if node.type == "mod_item" else None


def _unit(node: "Node") -> Opened | None:
    if node.type != "function_item":
        return None
    attributes, before = "", node.prev_sibling
    while before is not None and before.type in ("attribute_item", "line_comment"):
        attributes += text_of(before)
        before = before.prev_sibling
    return Opened(name_of(node), _TEST.search(attributes) is not None)


def _mark(node: "Node") -> MarkKind | None:
    found = node.type in ("attribute_item", "inner_attribute_item") and _SKIP.match(text_of(node))
    return "skipped" if found else None


RUST = Dialect(
    "rust",
    literals=frozenset(
        {"integer_literal", "float_literal", "string_literal", "raw_string_literal", "char_literal"}
        | {"boolean_literal"}
    ),
    conditions=frozenset({"if_expression"}),
    exits=frozenset({"return_expression", "break_expression", "continue_expression"}),
    ignored=frozenset({"use_declaration", "line_comment", "block_comment"}),
    scope=_scope,
    unit=_unit,
    mark=_mark,
    repeats=True,
)
