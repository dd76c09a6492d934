"""How each language writes tests: its nodes, and the names that runners and assertion libraries give."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["DIALECTS", "Dialect", "Opened", "callee", "text_of"]

MarkKind = Literal["skipped", "focused", "mocked"]

_JS_TEST = re.compile(r"(it|test|specify|[xf]it|xtest)(\.\w+)*(\(.*\)|`.*`)?", re.DOTALL)
_JS_GROUP = re.compile(r"([xf]?describe|[xf]?context|suite)(\.\w+)*(\(.*\)|`.*`)?", re.DOTALL)
_PY_SKIP = re.compile(r"(^|\.)mark\.(skip|skipif|xfail)$|^(unittest\.)?(skip(If|Unless)?|expectedFailure)$")
_PY_SKIP_CALL = re.compile(
    r"^(pytest\.)?(skip(\.Exception)?|xfail|importorskip)$|\.skipTest$|(^|\.)SkipTest$|^pytest\.(exit|fixture_skip)$"
    r"|^(sys|os)\._?exit$"
)
_PY_SKIPPED = re.compile(r"(^|\.)(SkipTest|Skipped)$|^(pytest\.)?skip\.Exception$")
_PY_UNITTEST = re.compile(r"^from unittest import (\([^)]*|.*)\bTestCase\b", re.MULTILINE)
_PY_MOCK = re.compile(r"(^|\.)(mock\.)?patch(\.\w+)?$|^monkeypatch\.(setattr|setitem|delattr)$|^setattr$")
_PY_FUNCTIONS = frozenset({"function_definition", "lambda", "class_definition"})
_PY_FLAGS = re.compile(r"^(__test__\s*=\s*False|collect_ignore)")
_JS_SKIP = re.compile(
    r"^(x(it|test|describe|context))$|^(it|test|specify|describe|context|suite)\.(\w+\.)*"
    r"(skip|skipIf|runIf|if|todo|todoIf|failing|fails|fail|fixme)(\.\w+)*$|^(this|t|ctx|context)\.(skip|todo)$|^process\.exit$"
)
_JS_FOCUS = re.compile(r"^f(it|describe|context)$|^(it|test|specify|describe|context|suite)\.(\w+\.)*only$")
_JS_MOCK = re.compile(
    r"^(jest|vi)\.(mock|doMock|spyOn|setMock)$|^sinon\.(stub|replace)$|^mock\.(method|module)$"
)
_JS_OPTIONS: dict[str, MarkKind] = {
    **dict.fromkeys(("skip", "todo", "fails", "failing"), "skipped"),
    "only": "focused",
}
_JS_OFF = ("false", "undefined", "null", "0")
_GO_SKIP = re.compile(r"\.Skip(f|Now)?$|^os\.Exit$|^testing\.Short$")
_GO_BUILD = re.compile(r"//\s*(go:build|\+build)\b")
_RUST_SKIP = re.compile(r"#\[\s*(ignore|should_panic|cfg_attr\(.*ignore)|#\[\s*cfg\((?!test\b)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Opened:
    """A function or a test that begins at a node."""

    name: str
    is_test: bool


@dataclass(frozen=True, slots=True)
class Dialect:
    """One language.

    Attributes:
        literals, conditions, exits, ignored: node types.
        fails: those of the exits with which a test fails.
        scope: name of a class, module or group of tests that a node opens.
        unit: function or test that a node opens.
        mark: whether a node skips, focuses or mocks.
        repeats: two tests of one name both run; elsewhere the later one replaces the earlier.
    """

    name: str
    literals: frozenset[str]
    conditions: frozenset[str]
    exits: frozenset[str]
    ignored: frozenset[str]
    scope: Callable[["Node"], str | None]
    unit: Callable[["Node"], Opened | None]
    mark: Callable[["Node"], MarkKind | None]
    repeats: bool = False
    fails: frozenset[str] = frozenset()


def text_of(node: "Node | None") -> str:
    """Return a node's text."""
    return (node.text or b"").decode("utf-8", "replace") if node is not None else ""


def callee(node: "Node") -> str:
    """Return what a call calls; empty for other nodes."""
    return text_of(node.child_by_field_name("function")) if node.type in ("call", "call_expression") else ""


def _name(node: "Node") -> str:
    return text_of(node.child_by_field_name("name"))


# --- Python ---------------------------------------------------------------------------------


def _definition(node: "Node") -> "Node":
    """Return what decorators decorate."""
    inner = node.child_by_field_name("definition") if node.type == "decorated_definition" else None
    return inner if inner is not None else node


def _python_scope(node: "Node") -> str | None:
    inner = _definition(node)
    return _name(inner) if inner.type == "class_definition" else None


def _python_unit(node: "Node") -> Opened | None:
    inner = _definition(node)
    if inner.type != "function_definition":
        return None
    name = _name(inner)
    decorators = _decorators(node)
    runs = name.startswith("test") and "fixture" not in decorators and _collected(node)
    return Opened(name, runs and not _only_made(inner, bool(decorators)))


def _collected(node: "Node") -> bool:
    """Tell whether pytest looks into the class around a node: `Test…`, or one with a base."""
    around = _class_around(node)
    based = around is not None and around.child_by_field_name("superclasses") is not None
    return around is None or based or _name(around).startswith("Test")


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
    return _PY_UNITTEST.search(text_of(top)) is not None


def _yields(function: "Node") -> bool:
    left = [*function.named_children]
    while left:
        node = left.pop()
        if node.type == "yield":
            return True
        if node.type not in _PY_FUNCTIONS:
            left.extend(node.named_children)
    return False


def _decorators(node: "Node") -> str:
    return " ".join(text_of(child) for child in node.children if child.type == "decorator")


def _python_mark(node: "Node") -> MarkKind | None:
    text = text_of(node)
    match node.type:
        case "attribute" if _PY_SKIP.search(text):
            return "skipped"
        case "decorator" if _PY_SKIP.search(text.removeprefix("@").partition("(")[0].strip()):
            return "skipped"
        case "call" if _PY_SKIP_CALL.search(callee(node)):
            return "skipped"
        case "call" | "decorator" if _PY_MOCK.search(
            callee(node) or text.removeprefix("@").partition("(")[0].strip()
        ):
            return "mocked"
        case "assignment" if _PY_FLAGS.match(text):
            return "skipped"
        case "raise_statement" if _PY_SKIPPED.search(text.removeprefix("raise").strip()):
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


# --- JavaScript and TypeScript --------------------------------------------------------------


def _script_title(node: "Node", pattern: re.Pattern[str]) -> str | None:
    if not pattern.fullmatch(callee(node)):
        return None
    arguments = node.child_by_field_name("arguments")
    first = arguments.named_children[0] if arguments is not None and arguments.named_children else None
    return text_of(first).strip("'\"`") if first is not None and "string" in first.type else None


def _script_scope(node: "Node") -> str | None:
    if node.type == "class_declaration":
        return _name(node)
    return _script_title(node, _JS_GROUP)


def _script_unit(node: "Node") -> Opened | None:
    title = _script_title(node, _JS_TEST)
    if title is not None:
        return Opened(title, True)
    if node.type in ("function_declaration", "method_definition", "generator_function_declaration"):
        return Opened(_name(node), False)
    return None


def _script_mark(node: "Node") -> MarkKind | None:
    name = callee(node)
    if not name:
        return None
    if _JS_FOCUS.match(name):
        return "focused"
    if _JS_SKIP.match(name):
        return "skipped"
    return "mocked" if _JS_MOCK.match(name) else _script_option(node)


def _script_option(node: "Node") -> MarkKind | None:
    """Return what the options of a test or a group do (`it("a", { skip: true }, …)`)."""
    arguments = node.child_by_field_name("arguments")
    if arguments is None or (_script_title(node, _JS_TEST) or _script_title(node, _JS_GROUP)) is None:
        return None
    options = [
        one for each in arguments.named_children if each.type == "object" for one in each.named_children
    ]
    for option in options:
        key, value = option.child_by_field_name("key"), text_of(option.child_by_field_name("value"))
        kind = _JS_OPTIONS.get(text_of(key or option).strip("'\""))
        if kind and value not in _JS_OFF:
            return kind
    return None


# --- Go and Rust ----------------------------------------------------------------------------


def _no_scope(node: "Node") -> str | None:
    return None


def _go_unit(node: "Node") -> Opened | None:
    if node.type not in ("function_declaration", "method_declaration"):
        return None
    name = _name(node)
    return Opened(name, re.match(r"(Test|Fuzz|Example)(?![a-z])", name) is not None)


def _go_mark(node: "Node") -> MarkKind | None:
    if node.type == "comment":
        return "skipped" if _GO_BUILD.match(text_of(node)) else None
    return "skipped" if _GO_SKIP.search(callee(node)) else None


def _rust_scope(node: "Node") -> str | None:
    if node.type == "impl_item":
        return text_of(node.child_by_field_name("type"))
    return _name(node) if node.type == "mod_item" else None


def _rust_unit(node: "Node") -> Opened | None:
    if node.type != "function_item":
        return None
    attributes, before = "", node.prev_sibling
    while before is not None and before.type in ("attribute_item", "line_comment"):
        attributes += text_of(before)
        before = before.prev_sibling
    return Opened(_name(node), re.search(r"#\[\s*([\w:]*::)?(test|rstest)\b", attributes) is not None)


def _rust_mark(node: "Node") -> MarkKind | None:
    found = node.type == "attribute_item" and _RUST_SKIP.match(text_of(node))
    return "skipped" if found else None


_SCRIPT = Dialect(
    "javascript",
    literals=frozenset({"number", "string", "template_string", "true", "false", "null", "regex"}),
    conditions=frozenset({"if_statement", "try_statement", "ternary_expression"}),
    exits=frozenset({"return_statement", "throw_statement", "break_statement", "continue_statement"}),
    fails=frozenset({"throw_statement"}),
    ignored=frozenset({"import_statement", "comment"}),
    scope=_script_scope,
    unit=_script_unit,
    mark=_script_mark,
    repeats=True,
)

DIALECTS = {
    "python": Dialect(
        "python",
        literals=frozenset({"integer", "float", "string", "concatenated_string", "true", "false", "none"}),
        conditions=frozenset({"if_statement", "try_statement", "conditional_expression"}),
        exits=frozenset({"return_statement", "raise_statement", "break_statement", "continue_statement"}),
        fails=frozenset({"raise_statement"}),
        ignored=frozenset({"import_statement", "import_from_statement", "comment"}),
        scope=_python_scope,
        unit=_python_unit,
        mark=_python_mark,
    ),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "go": Dialect(
        "go",
        literals=frozenset(
            {"int_literal", "float_literal", "interpreted_string_literal", "raw_string_literal"}
            | {"rune_literal", "true", "false", "nil"}
        ),
        conditions=frozenset({"if_statement"}),
        exits=frozenset({"return_statement", "break_statement", "continue_statement", "goto_statement"}),
        ignored=frozenset({"import_declaration", "package_clause"}),
        scope=_no_scope,
        unit=_go_unit,
        mark=_go_mark,
    ),
    "rust": Dialect(
        "rust",
        literals=frozenset(
            {"integer_literal", "float_literal", "string_literal", "raw_string_literal", "char_literal"}
            | {"boolean_literal"}
        ),
        conditions=frozenset({"if_expression"}),
        exits=frozenset({"return_expression", "break_expression", "continue_expression"}),
        ignored=frozenset({"use_declaration", "line_comment", "block_comment"}),
        scope=_rust_scope,
        unit=_rust_unit,
        mark=_rust_mark,
        repeats=True,
    ),
}
"""Languages whose tests are read."""
