"""Tests of JavaScript and TypeScript."""

import re
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import Dialect, MarkKind, Opened, callee, name_of, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["SCRIPT"]

_TEST = re.compile(r"(it|test|specify|[xf]it|xtest)(\.\w+)*(\(.*\)|`.*`)?", re.DOTALL)
_GROUP = re.compile(r"([xf]?describe|[xf]?context|suite)(\.\w+)*(\(.*\)|`.*`)?", re.DOTALL)
_SKIP = re.compile(
    r"^(x(it|test|describe|context))$|^(it|test|specify|describe|context|suite)\.(\w+\.)*"
    r"(skip|skipIf|runIf|if|todo|todoIf|failing|fails|fail|fixme)(\.\w+)*$|^(this|t|ctx|context)\.(skip|todo)$|^process\.exit$"
)
_FOCUS = re.compile(r"^f(it|describe|context)$|^(it|test|specify|describe|context|suite)\.(\w+\.)*only$")
_MOCK = re.compile(
    r"^(jest|vi)\.(mock|doMock|spyOn|setMock)$|^sinon\.(stub|replace)$|^mock\.(method|module)$"
)
_OPTIONS: dict[str, MarkKind] = {
    **dict.fromkeys(("skip", "todo", "fails", "failing"), "skipped"),
    "only": "focused",
}
_OFF = ("false", "undefined", "null", "0")


def _title(node: "Node", pattern: re.Pattern[str]) -> str | None:
    if not pattern.fullmatch(callee(node)):
        return None
    arguments = node.child_by_field_name("arguments")
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    return text_of(first).strip("'\"`") if first is not None and "string" in first.type else None


def _scope(node: "Node") -> str | None:
    if node.type == "class_declaration":
        return name_of(node)
    return _title(node, _GROUP)


def _unit(node: "Node") -> Opened | None:
    title = _title(node, _TEST)
    if title is not None:
        return Opened(title, True)
    if node.type in ("function_declaration", "method_definition", "generator_function_declaration"):
        return Opened(name_of(node), False)
    return None


def _mark(node: "Node") -> MarkKind | None:
    name = callee(node)
    if not name:
        return None
    if _FOCUS.match(name):
        return "focused"
    if _SKIP.match(name):
        return "skipped"
    return "mocked" if _MOCK.match(name) else _option(node)


def _option(node: "Node") -> MarkKind | None:
    """Return what the options of a test or a group do (`it("a", { skip: true }, …)`)."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None or (_title(node, _TEST) or _title(node, _GROUP)) is None:
        return None
    options = [
        one for each in arguments.named_children if each.type == "object" for one in each.named_children
    ]
    for option in options:
        key, value = option.child_by_field_name("key"), text_of(option.child_by_field_name("value"))
        kind = _OPTIONS.get(text_of(key or option).strip("'\""))
        if kind and value not in _OFF:
            return kind
    return None


SCRIPT = Dialect(
    "javascript",
    literals=frozenset({"number", "string", "template_string", "true", "false", "null", "regex"}),
    conditions=frozenset({"if_statement", "try_statement", "ternary_expression"}),
    exits=frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"}),
    fails=frozenset({"throw_statement"}),
    ignored=frozenset({"import_statement", "comment"}),
    scope=_scope,
    unit=_unit,
    mark=_mark,
    repeats=True,
)
