"""Expressions whose value is written there: conditions that always or never hold, and empty collections."""

import operator
import re
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["COLLECTIONS", "is_empty", "operator_of", "truth"]

_FALSE = re.compile(r"False|false|0+(\.0*)?|None|null|nil|undefined|NaN|(typing\.)?TYPE_CHECKING|''|\"\"")
_TRUE = re.compile(r"True|true|0*[1-9]\d*|\"[^\"]+\"|'[^']+'")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_DEEPEST = 20
"""Nested operations that are followed."""

_COMPARED = {
    **dict.fromkeys(("==", "===", "is"), operator.eq),
    **dict.fromkeys(("!=", "!==", "is not"), operator.ne),
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
COLLECTIONS = frozenset({"list", "tuple", "dictionary", "array", "array_expression", "literal_value"})
_FALSY = frozenset({"list", "tuple", "dictionary"})
_EMPTY = re.compile(
    r"range\(0\)|(list|tuple|set|dict|frozenset|iter)\((\(\)|\[\])?\)|(\d+)\.\.\3|Vec(::<[^>]*>)?::new\(\)"
    r"|vec!\[\]|(\w+::)*empty(::<[^>]*>)?\(\)|new (Set|Map|Array)\(\)|0|nil|''|\"\""
)


def truth(node: "Node | None", deepest: int = _DEEPEST) -> bool | None:
    """Return what a condition always is, in the syntax of all languages here; None for one that depends."""
    if node is None or not deepest:
        return None
    text, parts = text_of(node), node.named_children
    if _FALSE.fullmatch(text) or (node.type in _FALSY and not parts):
        return False
    if _TRUE.fullmatch(text):
        return True
    match node.type:
        case "parenthesized_expression" if parts:
            return truth(parts[0], deepest - 1)
        case "not_operator" | "unary_expression" if text.startswith(("not", "!")):
            inner = truth(parts[-1], deepest - 1)
            return None if inner is None else not inner
        case "boolean_operator" | "binary_expression" | "comparison_operator" if len(parts) == 2:
            return _combined(operator_of(node), parts[0], parts[1], deepest - 1)
        case _:
            return None


def _combined(sign: str, left: "Node", right: "Node", deepest: int) -> bool | None:
    if sign in _COMPARED:
        texts = text_of(left), text_of(right)
        numbers = all(_NUMBER.fullmatch(text) for text in texts)
        return _COMPARED[sign](float(texts[0]), float(texts[1])) if numbers else None
    known = truth(left, deepest), truth(right, deepest)
    if sign in ("and", "&&"):
        return False if False in known else None if None in known else True
    if sign in ("or", "||"):
        return True if True in known else None if None in known else False
    return None


def is_empty(node: "Node | None") -> bool:
    """Tell what is empty wherever it is iterated."""
    if node is None:
        return False
    if node.type == "composite_literal":
        return is_empty(node.child_by_field_name("body"))
    return (node.type in COLLECTIONS and not node.named_children) or bool(_EMPTY.fullmatch(text_of(node)))


def operator_of(node: "Node") -> str:
    """Return the sign of an operation."""
    return " ".join(text_of(child) for child in node.children if not child.is_named)
