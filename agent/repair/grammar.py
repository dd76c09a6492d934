"""Which nodes of Python, JavaScript, TypeScript, Go and Rust play which part in a mask."""

from collections.abc import Iterator

from tree_sitter import Node

from moot.agent.repair.source import walk

__all__ = [
    "ARGUMENTS",
    "ASSIGNMENTS",
    "BODIES",
    "CALLS",
    "COLLECTIONS",
    "IFS",
    "NEGATIONS",
    "OPERATIONS",
    "RETURNS",
    "SWITCHES",
    "VALUES",
    "first_body",
    "is_clause",
    "is_definition",
    "is_string",
    "jumps",
    "shallow",
    "siblings_in",
    "unwrapped",
]

BODIES = frozenset({"block", "statement_block", "class_body", "match_block", "switch_body"})
IFS = frozenset({"if_statement", "if_expression"})
SWITCHES = {
    "match_statement": "case ",
    "switch_statement": "case ",
    "expression_switch_statement": "case ",
    "type_switch_statement": "case ",
    "select_statement": "case ",
    "match_expression": "",
}
"""Statements that choose between cases, and the keyword of a case."""
_CLAUSES = frozenset(
    {
        *("elif_clause", "except_clause", "catch_clause", "case_clause", "switch_case", "switch_default"),
        *("expression_case", "type_case", "communication_case", "default_case", "match_arm"),
    }
)
VALUES = {
    "assignment": "right",
    "augmented_assignment": "right",
    "assignment_expression": "right",
    "augmented_assignment_expression": "right",
    "compound_assignment_expr": "right",
    "assignment_statement": "right",
    "short_var_declaration": "right",
    "var_spec": "value",
    "variable_declarator": "value",
    "let_declaration": "value",
    "for_statement": "right",
    "for_in_statement": "right",
    "range_clause": "right",
    "for_in_clause": "right",
    "for_expression": "value",
    "subscript": "subscript",
    "subscript_expression": "index",
    "index_expression": "index",
    "pair": "value",
    "keyed_element": "value",
    "field_initializer": "value",
}
"""Nodes with a value, and the field that holds it."""
RETURNS = frozenset({"return_statement", "return_expression", "yield", "raise_statement", "throw_statement"})
_DEFINITIONS = frozenset(
    {
        *("function_definition", "class_definition", "decorated_definition", "method_definition"),
        *("function_declaration", "generator_function_declaration", "method_declaration"),
        *("class_declaration", "abstract_class_declaration", "interface_declaration", "enum_declaration"),
        *(
            "type_declaration",
            "function_item",
            "impl_item",
            "trait_item",
            "mod_item",
            "struct_item",
            "enum_item",
        ),
    }
)
_JUMPS = frozenset(
    {
        *("return_statement", "return_expression", "raise_statement", "throw_statement", "break_statement"),
        *("continue_statement", "break_expression", "continue_expression"),
    }
)
OPERATIONS = frozenset(
    {
        *("binary_operator", "boolean_operator", "comparison_operator", "not_operator", "binary_expression"),
        *("unary_expression", "conditional_expression", "ternary_expression", "range_expression"),
    }
)
ASSIGNMENTS = frozenset(
    {
        *("assignment", "assignment_expression", "augmented_assignment", "augmented_assignment_expression"),
        "compound_assignment_expr",
        *("assignment_statement", "inc_statement", "dec_statement", "update_expression"),
    }
)
NEGATIONS = frozenset({"not_operator", "unary_expression"})
ARGUMENTS = frozenset({"argument_list", "arguments"})
COLLECTIONS = frozenset(
    {"list", "tuple", "set", "array", "array_expression", "tuple_expression", "literal_value"}
)
CALLS = {"call": "function", "call_expression": "function", "new_expression": "constructor"}


def is_definition(node: Node) -> bool:
    """Tell a function, a class or the like."""
    return node.type in _DEFINITIONS


def is_clause(node: Node) -> bool:
    """Tell a part of a compound statement that has a header and a body of its own."""
    parent = node.parent
    chained = node.type in IFS and parent is not None and parent.type in ("else_clause", node.type)
    return chained or node.type in _CLAUSES


def jumps(statement: Node) -> bool:
    """Tell a statement behind which nothing of its body is reached."""
    inner = statement.named_children
    return statement.type in _JUMPS or (len(inner) == 1 and inner[0].type in _JUMPS)


def is_string(node: Node) -> bool:
    """Tell a docstring, or another string that stands alone."""
    return node.type == "expression_statement" and [child.type for child in node.named_children] == ["string"]


def first_body(node: Node) -> Node | None:
    """Return the first body, or the first case, in a compound statement or definition."""
    inside = (below for below in walk(node) if below != node)
    return next((below for below in inside if below.type in BODIES or is_clause(below)), None)


def shallow(node: Node) -> Iterator[Node]:
    """Yield the nodes below a statement or clause without those of its bodies and other clauses."""
    todo = node.children[::-1]
    while todo:
        below = todo.pop()
        if below.type not in BODIES and below.type != "statement_list" and not is_clause(below):
            yield below
            todo += reversed(below.children)


def unwrapped(node: Node) -> Node:
    """Return what stands inside the parentheses that JavaScript puts around a condition."""
    inner = node.named_children
    return inner[0] if node.type == "parenthesized_expression" and len(inner) == 1 else node


def siblings_in(root: Node, start: int, end: int) -> list[Node]:
    """Return the nodes, all children of one, that make up a span of bytes; none where they do not."""
    around = root.descendant_for_byte_range(start, max(start, end - 1))
    while around is not None and (around.start_byte, around.end_byte) != (start, end):
        inside = [child for child in around.children if start <= child.start_byte and child.end_byte <= end]
        if inside and (inside[0].start_byte, inside[-1].end_byte) == (start, end):
            return inside
        if around.start_byte < start or around.end_byte > end:
            return []
        around = around.parent
    return [around] if around is not None else []
