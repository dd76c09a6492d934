"""Assertions and how much each one says: from nothing, over truth and membership, to equality."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from moot.agent.risk.dialects.base import Dialect, callee, text_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["EQUAL", "NOTHING", "ORDERS", "PARTLY", "TRUTHY", "Assertion", "assertion_of"]

NOTHING, TRUTHY, PARTLY, EQUAL = range(4)
"""What an assertion pins down: nothing at all, that something is true, a range or a part, the value."""

_EQUAL = re.compile(
    r"(assert(Equals?|Is|Is(Not)?None|ListEqual|DictEqual|SequenceEqual|TupleEqual|SetEqual|MultiLineEqual)"
    r"|assert_(equal|array_equal|frame_equal|series_equal|called_once_with|called_with|has_calls|not_called)"
    r"|(strict|deep|deepStrict)?[eE]quals?|eql?|is|same|(Equal(Values|Error)?|Exactly|JSONEq|ErrorIs|ErrorAs)"
    r"|Len|Empty|Nil|assert_eq|toBe|toEqual|toStrictEqual|toHaveLength|toBeNull|toBeUndefined|toBeNaN"
    r"|toHaveBeenCalledWith|toHaveBeenCalledTimes|toHaveReturnedWith|toThrowErrorMatchingInlineSnapshot"
    r"|toMatchInlineSnapshot|toMatchSnapshot)"
)
_TRUTHY = re.compile(
    r"(assertTrue|assertFalse|assertIsNotNone|assert_|ok|notOk|exist|True|False|NotNil|NotEmpty|NoError|Error|Panics"
    r"|toBeTruthy|toBeFalsy|toBeDefined|assert|debug_assert|fail|failTest|Fail|FailNow|Fatal|Fatalf|Errorf"
    r"|assert_called|called|notThrow|doesNotThrow|NotPanics|unreachable|panic)"
)
_CALLED = re.compile(r"assert_(called\w*_with|has_calls)")
"""Of which the arguments are those of a call, not two values that are compared."""

_CALL = re.compile(
    r"(assert\w*|fail(If\w*|Unless\w*)?|raises|warns|deprecated_call)|(t|tt|b)\.(is|same|deepEqual|ok|throws)"
)
_GO_FAILS = re.compile(r"\w+\.(Error|Errorf|Fatal|Fatalf|Fail|FailNow)")
_GO_LIBRARY = re.compile(r"(assert|require)\.\w+")
_GO_SUITE = re.compile(
    r"(\w+(\.\w+)*(\.(Require|Assert)\(\))?|(assert|require)\.New\(\w+\))\."
    r"((Not)?(Equal|EqualValues|Contains|Empty|Nil|Zero|Same|Panics|Regexp|Implements|ErrorIs|ErrorAs|Subset)"
    r"|Exactly|EqualError|True|False|Len|(No)?Error|ErrorContains|ElementsMatch|PanicsWith(Value|Error)"
    r"|(Greater|Less)(OrEqual)?|Positive|Negative|In(Delta|Epsilon)\w*|(JSON|YAML)Eq|IsType|Eventually|Never"
    r"|Within(Duration|Range)|Condition)f?"
)
_GO_STATEMENTS = frozenset({"expression_statement", "statement_list", "block"})
_TAP = (
    r"(is|not|like|true|false|truthy|falsy|null|undefined|regex|match|notMatch|ok|notOk|fail|error|ifError|type"
    r"|(not|strict|notStrict|deep|notDeep|loose|notLoose|deepLoose)?[eE]quals?|(strict|not|strictNot)?[sS]ame"
    r"|rejects|resolves|(t|notT|doesNotT)hrows(Async)?)"
)
"""Methods of AVA, tape and tap."""

_CHAI_VALUE = r"true|false|null|undefined|NaN"
_CHAI = re.compile(
    rf"{_CHAI_VALUE}|ok|exist|empty|finite|frozen|sealed|extensible|[aA]rguments|iterable|fulfilled|rejected"
    r"|called(Once|Twice|Thrice)?|notCalled"
)
"""Properties that assert without a call."""

_BROAD = frozenset({"Exception", "BaseException", "(Exception,)", "Error", "Warning"})
_TRUE = re.compile(r"True|true|[1-9]\d*|!0|not False|not None|\"[^\"]+\"|'[^']+'")
_PROMISE = re.compile(
    r"\.(rejects|resolves|eventually|doesNotReject|rejected\w*|fulfilled\w*|(notT|t)hrowsAsync)\b"
)
_AROUND_PROMISE = frozenset({"parenthesized_expression", "member_expression", "call_expression"})
_DROPS = frozenset({"expression_statement", "unary_expression"})
_MACRO = re.compile(r"(debug_)?assert(_\w+)?|panic|unreachable")
_SNAPSHOT = re.compile(r"assert_(\w+_)?snapshot")
_RAISES = re.compile(r"raises|warns|assert(Raises|Warns)(Regex)?|toThrow(Error)?")
_NAMES = frozenset({"identifier", "attribute", "member_expression", "tuple"})
_COMPARISONS = frozenset({"comparison_operator", "binary_expression", "token_tree"})
ORDERS = frozenset({"<", ">", "<=", ">="})

_DEEPEST = 50
"""Nested operations of a condition that are followed."""


@dataclass(frozen=True, slots=True)
class Assertion:
    """One assertion; `depth` counts the conditions around it, `awaited` says that the test waits for it.

    `literals` are what it names: values with their signs, orders of values, exceptions.
    """

    line: int
    text: str
    strength: int
    depth: int
    literals: Counter[str] = field(default_factory=Counter[str], compare=False)
    awaited: bool = False


def assertion_of(node: "Node", dialect: Dialect, depth: int) -> Assertion | None:
    """Return the assertion that a node is; None when it is none."""
    match dialect.name:
        case "python":
            found = _python(node)
        case "javascript":
            found = _script(node)
        case "go":
            found = _go(node)
        case _:
            found = _rust(node)
    if found is None:
        return None
    subject, strength = found
    text = " ".join(" ".join(text_of(part).split()) for part in subject)
    literals = Counter(word for part in subject for word in _literals(part, dialect))
    literals.update((*_raised(node), *_property_value(node)))
    return Assertion(node.start_point.row + 1, text, strength, depth, literals, _awaited(node))


def _awaited(node: "Node") -> bool:
    """Tell whether a test waits for an assertion: for a promise wherever it is not a statement by itself."""
    said = text_of(node) if node.type == "member_expression" else callee(node)
    promised = _PROMISE.search(said) is not None
    while node.parent is not None and node.parent.type in _AROUND_PROMISE:
        node = node.parent
    around = node.parent.type if node.parent is not None else ""
    return around in ("await", "await_expression") or (promised and around not in _DROPS)


_Found = tuple[list["Node"], int]
"""The nodes that say what is asserted, and how much that is."""


def _python(node: "Node") -> _Found | None:
    if node.type == "assert_statement":
        condition = node.named_children[0]
        return [condition], _condition(condition)
    name = callee(node).rpartition(".")[2]
    if not name or not _CALL.fullmatch(name):
        return None
    arguments = _arguments(node)
    first = text_of(arguments[0]) if arguments else ""
    if name in ("raises", "warns", "assertRaises", "assertWarns"):
        precise = PARTLY + any(text_of(one).startswith("match=") for one in arguments[1:])
        return [node], TRUTHY if first in _BROAD else precise
    if name in ("assertTrue", "assertFalse") and arguments:
        negative = name == "assertFalse"
        nothing = first == "False" if negative else _condition(arguments[0]) == NOTHING
        return [node], NOTHING if nothing else TRUTHY
    return [node], _by_name(name, arguments)


def _condition(node: "Node", deepest: int = _DEEPEST) -> int:
    """Return what the truth of an expression says, in the syntax of Python, JavaScript or Go."""
    if not deepest:
        return TRUTHY
    text = text_of(node)
    if _TRUE.fullmatch(text):
        return NOTHING
    parts = node.named_children
    match node.type:
        case "parenthesized_expression":
            return _condition(parts[0], deepest - 1) if parts else NOTHING
        case "tuple":
            return NOTHING if parts else TRUTHY
        case "boolean_operator" | "binary_expression" if _operator(node) in ("or", "||"):
            return min(TRUTHY, *(_condition(part, deepest - 1) for part in parts))
        case "boolean_operator" | "binary_expression" if _operator(node) in ("and", "&&"):
            return max(_condition(part, deepest - 1) for part in parts)
        case "comparison_operator" | "binary_expression" if len(parts) >= 2:
            return _comparison(node, parts)
        case _:
            return TRUTHY


def _comparison(node: "Node", parts: "list[Node]") -> int:
    left, right = text_of(parts[0]), text_of(parts[-1])
    equal = _operator(node) in ("==", "===", "is")
    if left == right and equal:
        return NOTHING
    return EQUAL if equal and "approx(" not in right and "approx(" not in left else PARTLY


def _operator(node: "Node") -> str:
    return " ".join(text_of(child) for child in node.children if not child.is_named)


def _by_name(name: str, arguments: "list[Node]") -> int:
    """Rate a call of an assertion library by its name; two equal arguments say nothing.

    What follows the values is a message.
    """
    texts = [text_of(argument) for argument in arguments]
    if _EQUAL.fullmatch(name):
        same = len(texts) > 1 and texts[0] == texts[1] and not _CALLED.fullmatch(name)
        return NOTHING if same else EQUAL
    if _TRUTHY.fullmatch(name):
        true = bool(texts) and _TRUE.fullmatch(texts[0]) and name in ("ok", "True", "assert")
        return NOTHING if true else TRUTHY
    return PARTLY


def _script(node: "Node") -> _Found | None:
    """Read `expect(x).not.toBe(y)` from its outermost call, `assert.equal(x, y)` and `t.is(x, y)`."""
    if node.type == "member_expression":
        return _property(node)
    name = callee(node)
    if not name:
        return None
    if name.startswith("expect(") or ".should." in name:
        subject = re.match(r"expect\((.*?)\)\.", " ".join(text_of(node).split()))
        arguments = _arguments(node)
        matcher = name.rpartition(".")[2]
        if matcher in ("then", "catch", "finally"):
            return None  # the assertion is what it is called on
        if subject and len(arguments) == 1 and subject[1] == text_of(arguments[0]):
            return [node], NOTHING
        strength = _by_name(matcher, [])
        return [node], min(strength, PARTLY) if ".not." in name else strength
    if name == "expect" or not re.match(rf"(assert(\.strict)?(\.\w+)?|(t|tt|tap)\.{_TAP})$", name):
        return None
    strength = _by_name(name.rpartition(".")[2], _arguments(node))
    return [node], min(strength, PARTLY) if name == "assert.equal" else strength  # it compares with `==`


def _property(node: "Node") -> _Found | None:
    """Read Chai's `expect(x).to.be.true` and `x.should.be.true`."""
    matcher = text_of(node.child_by_field_name("property"))
    if not _CHAI.fullmatch(matcher):
        return None
    text = text_of(node)
    if not text.startswith("expect(") and ".should." not in text:
        return None
    if re.fullmatch(_CHAI_VALUE, matcher) and ".not." not in text:
        return [node], EQUAL
    return [node], _by_name(matcher, [])


def _property_value(node: "Node") -> Iterator[str]:
    """Yield the value that a property of Chai stands for."""
    if node.type == "member_expression":
        name = text_of(node.child_by_field_name("property"))
        if re.fullmatch(_CHAI_VALUE, name):
            yield name


def _go(node: "Node") -> _Found | None:
    """Read `if got != want { t.Errorf(…) }` as its condition, and calls of testify, also of its suites."""
    if node.type == "if_statement":
        body = node.child_by_field_name("consequence")
        condition = node.child_by_field_name("condition")
        if body is None or condition is None or not any(_GO_FAILS.fullmatch(callee(c)) for c in _calls(body)):
            return None
        begin = node.child_by_field_name("initializer")
        return [part for part in (begin, condition) if part is not None], _negated(condition)
    name = callee(node)
    said = name.rpartition(".")[2].removesuffix("f")
    if _GO_LIBRARY.fullmatch(name):
        return [node], _by_name(said, _arguments(node)[1:])
    around = node.parent.type if node.parent is not None else ""
    if around in _GO_STATEMENTS and _GO_SUITE.fullmatch(name):
        return [node], _by_name(said, _arguments(node))
    return ([node], TRUTHY) if _GO_FAILS.fullmatch(name) else None


def _negated(condition: "Node") -> int:
    """Rate a condition under which a test fails."""
    text = text_of(condition)
    if text in ("false", "!true") or text.startswith("false &&"):
        return NOTHING
    operator = _operator(condition) if condition.type == "binary_expression" else ""
    if operator == "&&":
        return TRUTHY
    if operator == "!=" or text.startswith(("!reflect.DeepEqual", "!cmp.Equal", "!slices.Equal")):
        return EQUAL
    return PARTLY if operator in ("<", ">", "<=", ">=") else TRUTHY


def _calls(body: "Node") -> Iterator["Node"]:
    """Yield the calls that are statements of a block."""
    for child in body.named_children:
        if child.type in ("statement_list", "expression_statement"):
            yield from _calls(child)
        elif child.type == "call_expression":
            yield child


def _rust(node: "Node") -> _Found | None:
    if node.type != "macro_invocation":
        return None
    name = text_of(node.child_by_field_name("macro")).rpartition("::")[2]
    if not _MACRO.fullmatch(name):
        return None
    inside = text_of(node).partition("!")[2].strip("()[]{} ;")
    if name.endswith("assert_eq"):
        left, _, right = inside.partition(", ")
        return [node], NOTHING if left == right else EQUAL
    if name.endswith("assert"):
        if _TRUE.fullmatch(inside):
            return [node], NOTHING
        return [node], EQUAL if " == " in inside and "||" not in inside else TRUTHY
    if _SNAPSHOT.fullmatch(name):
        return [node], EQUAL
    return [node], TRUTHY if name in ("panic", "unreachable") else PARTLY


def _arguments(node: "Node") -> "list[Node]":
    arguments = node.child_by_field_name("arguments")
    return arguments.named_children if arguments is not None else []


def _literals(node: "Node", dialect: Dialect) -> Iterator[str]:
    left = [node]
    while left:
        one = left.pop()
        if one.type in dialect.literals:
            sign = "-" if text_of(one.prev_sibling) == "-" else ""
            yield f"{sign}{text_of(one)}"
            continue
        if one.type in _COMPARISONS:
            yield from (text for text in map(text_of, one.children) if text in ORDERS)
        left.extend(one.named_children)


def _raised(node: "Node") -> Iterator[str]:
    """Yield the exceptions that are expected, unless any other would do."""
    if _RAISES.fullmatch(callee(node).rpartition(".")[2]):
        first = [one for one in _arguments(node)[:1] if one.type in _NAMES]
        yield from (text for text in map(text_of, first) if text not in _BROAD)
