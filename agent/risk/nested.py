"""Functions within a test that nothing calls."""

from collections import Counter
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["ANONYMOUS", "mentions", "never_called"]

_NAMED = frozenset(
    {"function_definition", "function_declaration", "generator_function_declaration", "function_item"}
)
ANONYMOUS = frozenset(
    {"lambda", "arrow_function", "function_expression", "func_literal", "closure_expression"}
)
_HOLDERS = frozenset({"decorated_definition", "class_definition", "impl_item", "trait_item"})
_AROUND = frozenset({"parenthesized_expression", "expression_list"})
_TARGETS = {
    "assignment": "left",
    "named_expression": "name",
    "assignment_expression": "left",
    "variable_declarator": "name",
    "assignment_statement": "left",
    "short_var_declaration": "left",
    "var_spec": "name",
    "let_declaration": "pattern",
}


def mentions(node: "Node") -> Counter[str]:
    """Count the names in a piece of code that it does something with."""
    found = Counter[str]()
    left = [node]
    while left:
        one = left.pop()
        if "identifier" in one.type and not _dropped(one):
            found[text_of(one)] += 1
        left.extend(one.named_children)
    return found


def never_called(node: "Node", names: Counter[str]) -> bool:
    """Tell whether a node is a function that nothing calls, hands on or returns.

    Args:
        names: those that the test around it mentions.
    """
    if node.type in _NAMED:
        name = text_of(node.child_by_field_name("name"))
        return not _reached_otherwise(node) and names[name] == mentions(node)[name]
    return node.type in ANONYMOUS and (_dropped(node) or _unused(node, names))


def _reached_otherwise(node: "Node") -> bool:
    """Tell a method, or a function that a decorator takes."""
    around = [node.parent, node.parent.parent if node.parent is not None else None]
    return any(one is not None and one.type in _HOLDERS for one in around)


def _unused(node: "Node", names: Counter[str]) -> bool:
    target = _target(node)
    if target is None or target.type != "identifier":
        return False
    name = text_of(target)
    return names[name] == mentions(node)[name] + 1


def _dropped(node: "Node") -> bool:
    """Tell what is a statement by itself, or assigned to the name for nothing."""
    while node.parent is not None and node.parent.type in _AROUND and len(node.parent.named_children) == 1:
        node = node.parent
    target = _target(node)
    statement = node.parent is not None and node.parent.type == "expression_statement"
    return statement or (target is not None and target != node and text_of(target) == "_")


def _target(node: "Node") -> "Node | None":
    """Return what a node is assigned to, where that is one thing."""
    parent = node.parent
    while parent is not None and parent.type in _AROUND:
        parent = parent.parent
    field = _TARGETS.get(parent.type) if parent is not None else None
    target = parent.child_by_field_name(field) if parent is not None and field else None
    if target is not None and target.type == "expression_list" and len(target.named_children) == 1:
        return target.named_children[0]
    return target
