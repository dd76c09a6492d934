"""Tests of pytest and unittest."""

import re
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import Dialect, MarkKind, Opened, callee, name_of, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["PYTHON"]

_SKIP = re.compile(r"(^|\.)mark\.(skip|skipif|xfail)$|^(unittest\.)?(skip(If|Unless)?|expectedFailure)$")
_SKIP_CALL = re.compile(
    r"^(pytest\.)?(skip(\.Exception)?|xfail|importorskip)$|\.skipTest$|(^|\.)SkipTest$|^pytest\.(exit|fixture_skip)$"
    r"|^(sys|os)\._?exit$"
)
_SKIPPED = re.compile(r"(^|\.)(SkipTest|Skipped)$|^(pytest\.)?skip\.Exception$")
_UNITTEST = re.compile(r"^from unittest import (\([^)]*|.*)\bTestCase\b", re.MULTILINE)
_MOCK = re.compile(r"(^|\.)(mock\.)?patch(\.\w+)?$|^monkeypatch\.(setattr|setitem|delattr)$|^setattr$")
_FUNCTIONS = frozenset({"function_definition", "lambda", "class_definition"})
_FLAGS = re.compile(r"^(__test__\s*=\s*False|collect_ignore)")


def _definition(node: "Node") -> "Node":
    """Return what decorators decorate."""
    inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else None
    return inner if inner is not None else node


def _scope(node: "Node") -> str | None:
    inner = _definition(node)
    return name_of(inner) if inner.type == "class_definition" else None


def _unit(node: "Node") -> Opened | None:
    inner = _definition(node)
    if inner.type != "function_definition":
        return None
    name = name_of(inner)
    decorators = _decorators(node)
    runs = name.startswith("test") and "fixture" not in decorators and _collected(node)
    return Opened(name, runs and not _only_made(inner, bool(decorators)))


def _collected(node: "Node") -> bool:
    """Tell whether pytest looks into the class around a node: `Test…`, or one with a base."""
    around = _class_around(node)
    based = around is not None and around.child_by_field_name("superclasses") is not None
    return around is None or based or name_of(around).startswith("Test")


def _class_around(node: "Node") -> "Node | None":
    around = node.parent
    while around is not None and around.type != "class_definition":
        around = around.parent
    return around


def _only_made(function: "Node", decorated: bool) -> bool:
    """Tell a test whose call makes a generator or a coroutine that its runner does not run."""
    if any(child.type == "async" for child in function.children):
        return _plain_unittest(function)
    return not decorated and _yields(function)


def _plain_unittest(function: "Node") -> bool:
    """Tell a method of unittest's own TestCase; Django's and others' run coroutines, too."""
    around = _class_around(function)
    bases = around.child_by_field_name("superclasses") if around is not None else None
    names = [text_of(base) for base in bases.named_children] if bases is not None else []
    if "TestCase" not in names:
        return "unittest.TestCase" in names
    top = function
    while top.parent is not None:
        top = top.parent
    return _UNITTEST.search(text_of(top)) is not None


def _yields(function: "Node") -> bool:
    left = [*function.named_children]
    while left:
        node = left.pop()
        if node.type == "yield":
            return True
        if node.type not in _FUNCTIONS:
            left.extend(node.named_children)
    return False


def _decorators(node: "Node") -> str:
    return " ".join(text_of(child) for child in node.children if child.type == "decorator")


def _mark(node: "Node") -> MarkKind | None:
    text = text_of(node)
    match node.type:
        case "attribute" if _SKIP.search(text):
            return "skipped"
        case "decorator" if _SKIP.search(text.removeprefix("@").partition("(")[0].strip()):
            return "skipped"
        case "call" if _SKIP_CALL.search(callee(node)):
            return "skipped"
        case "call" | "decorator" if _MOCK.search(
            callee(node) or text.removeprefix("@").partition("(")[0].strip()
        ):
            return "mocked"
        case "assignment" if _FLAGS.match(text):
            return "skipped"
        case "raise_statement" if _SKIPPED.search(text.removeprefix("raise").strip()):
            return "skipped"
        case "assignment" if _replaces(node):
            return "mocked"
        case _:
            return None


def _replaces(node: "Node") -> bool:
    """Tell whether an assignment replaces something of another module (`stats.mean = …`)."""
    left = node.child_by_field_name("left")
    text = text_of(left)
    if text.startswith("sys.modules["):
        return True
    right = node.child_by_field_name("right")
    by_code = right is not None and right.type in ("lambda", "identifier")
    return (
        left is not None and left.type == "attribute" and by_code and not text.startswith(("self.", "cls."))
    )


PYTHON = Dialect(
    "python",
    literals=frozenset({"integer", "float", "string", "concatenated_string", "true", "false", "none"}),
    conditions=frozenset({"if_statement", "try_statement", "conditional_expression"}),
    exits=frozenset({"return_statement", "raise_statement", "break_statement", "continue_statement"}),
    fails=frozenset({"raise_statement"}),
    ignored=frozenset({"import_statement", "import_from_statement", "comment"}),
    scope=_scope,
    unit=_unit,
    mark=_mark,
)
