"""Which code of a test never runs: what is under a constant, after a return, or in a loop over nothing."""

import re
from typing import TYPE_CHECKING

from moot.agent.risk.assertions import assertion_of
from moot.agent.risk.constants import COLLECTIONS, is_empty, operator_of, truth
from moot.agent.risk.dialects.base import Dialect, callee, text_of
from moot.agent.risk.nested import ANONYMOUS

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["guards", "swallowed", "unreached"]

_BLOCKS = frozenset({"block", "module", "statement_block", "program", "statement_list", "source_file"})
_OPERATIONS = frozenset({"boolean_operator", "binary_expression"})
_STOPS = {"and": False, "&&": False, "or": True, "||": True}
_BRANCHES = frozenset(
    {"while_statement", "while_expression", "for_statement", "for_in_statement", "for_expression"}
    | {"elif_clause"}
)
_EXPECTS_FAILURE = re.compile(r"\b(suppress|raises|assertRaises(Regex)?|RaisesGroup)\(")
_CATCHES = re.compile(r"(^|::)catch_unwind$|\.catch$")
_DEEPEST = 20
"""Blocks within blocks that are followed."""

_HOISTED = frozenset({"function_declaration", "function_item"})


def unreached(node: "Node", dialect: Dialect) -> "frozenset[int]":
    """Return the ids of a node's children that never run."""
    if node.type in _BLOCKS:
        found = _after_exit(node, dialect)
    elif node.type in _BRANCHES or node.type in dialect.conditions:
        found = _never_branched(node)
    else:
        found = _never_operated(node)
    return frozenset(child.id for child in found)


def guards(node: "Node", dialect: Dialect) -> bool:
    """Tell whether a statement is a condition under which what follows it does not run, and no test fails."""
    node = _bare(node)
    body = node.child_by_field_name("consequence") if node.type in dialect.conditions else None
    if body is None or not _returns(body, dialect):
        return False
    return not any(assertion_of(one, dialect, 0) for one in (node, *_statements(body)))


def swallowed(node: "Node") -> "frozenset[int]":
    """Return the ids of a node's children whose failures it swallows, or takes for what it expects."""
    found: list[Node] = []
    if node.type == "with_statement" and _EXPECTS_FAILURE.search(_header(node)):
        found = _present(node.child_by_field_name("body"))
    elif _CATCHES.search(callee(node)):
        found = node.named_children
    return frozenset(child.id for child in found)


def _header(node: "Node") -> str:
    return text_of(next(iter(node.named_children), None))


def _after_exit(node: "Node", dialect: Dialect) -> "list[Node]":
    """Return the statements of a block after one that leaves it; declared functions are not among them."""
    children = node.named_children
    at = next((at for at, child in enumerate(children) if _leaves(child, dialect)), len(children))
    return [child for child in children[at + 1 :] if child.type not in _HOISTED]


def _leaves(node: "Node", dialect: Dialect, deepest: int = _DEEPEST) -> bool:
    node = _bare(node)
    if not deepest:
        return False
    if node.type in _BLOCKS:
        return any(_leaves(child, dialect, deepest - 1) for child in node.named_children)
    if node.type == "with_statement":  # it may swallow what is raised
        return _returns(node.child_by_field_name("body"), dialect)
    if node.type in dialect.conditions and truth(node.child_by_field_name("condition")):
        body = node.child_by_field_name("consequence")
        return body is not None and _leaves(body, dialect, deepest - 1)
    return node.type in dialect.exits


def _returns(body: "Node | None", dialect: Dialect) -> bool:
    quiet = dialect.exits - dialect.fails
    return body is not None and any(one.type in quiet for one in _statements(body))


def _never_branched(node: "Node") -> "list[Node]":
    """Return the branches that a constant keeps from running, and the bodies of loops over nothing."""
    if node.type == "conditional_expression":
        first, condition, last = (*node.named_children, None, None, None)[:3]
        known = truth(condition)
        return [] if known is None else _present(last if known else first)
    known, first = truth(_condition(node)), node.child_by_field_name("consequence")
    if known is False:
        return _present(first or node.child_by_field_name("body"))
    if known and first is not None:
        return node.children_by_field_name("alternative")
    return _present(node.child_by_field_name("body")) if is_empty(_iterated(node)) else []


def _never_operated(node: "Node") -> "list[Node]":
    """Return what `and` and `or` leave out, and functions that are called for each item of nothing."""
    if node.type in ("arguments", "argument_list"):
        nothing = node.parent is not None and _of_nothing(node.parent)
        return [child for child in node.named_children if child.type in ANONYMOUS] if nothing else []
    stops = _STOPS.get(operator_of(node)) if node.type in _OPERATIONS else None
    if stops is None or truth(node.child_by_field_name("left")) is not stops:
        return []
    return _present(node.child_by_field_name("right"))


def _condition(node: "Node") -> "Node | None":
    """Return the condition of a branch or a loop; Go's loops have theirs without a field."""
    found = node.child_by_field_name("condition")
    if found is not None or node.type != "for_statement" or not node.named_children:
        return found
    first = node.named_children[0]
    if first.type == "for_clause":
        return first.child_by_field_name("condition")
    return first if first.type in ("false", "parenthesized_expression", "unary_expression") else None


def _iterated(node: "Node") -> "Node | None":
    match node.type:
        case "for_statement" | "for_in_statement":
            first = node.named_children[0] if node.named_children else None
            clause = first if first is not None and first.type == "range_clause" else node
            return clause.child_by_field_name("right")
        case "for_expression":
            return node.child_by_field_name("value")
        case _:
            return None


def _of_nothing(call: "Node") -> bool:
    """Tell a call of a method of an empty collection, such as `[].forEach(…)`."""
    function = call.child_by_field_name("function")
    if function is None:
        return False
    holder = function.child_by_field_name("object") or function.child_by_field_name("value")
    return holder is not None and holder.type in COLLECTIONS and is_empty(holder)


def _present(node: "Node | None") -> "list[Node]":
    return [node] if node is not None else []


def _bare(node: "Node") -> "Node":
    """Return what an expression that is a statement holds."""
    inner = node.named_children if node.type == "expression_statement" else []
    return inner[0] if len(inner) == 1 else node


def _statements(body: "Node", deepest: int = _DEEPEST) -> "list[Node]":
    """Return the statements of a branch, with or without a block."""
    if body.type not in _BLOCKS or not deepest:
        return [_bare(body)]
    return [one for child in body.named_children for one in _statements(child, deepest - 1)]
