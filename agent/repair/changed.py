"""What an edit of a Python file changes: functions, documented behaviour, literals."""

import ast
import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

__all__ = [
    "Definition",
    "changed_functions",
    "definitions",
    "literals",
    "new_objections",
    "one_line",
    "written",
]

_PLAIN = frozenset(map(repr, (0, 1, -1, 2, "", True, False, None, 0.0, 1.0)))
"""Literals that every other line has."""

_WIDTH = 160

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Definition:
    """A function that can be reached by its name, and the lines from its first decorator to its end."""

    name: str
    first: int
    last: int
    node: Function


def definitions(data: bytes) -> Mapping[str, Definition]:
    """Return the functions and methods of a file by qualified name; none where it does not parse."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    return {found.name: found for found in _definitions(tree.body, "")}


def _definitions(body: Iterable[ast.AST], above: str) -> Iterator[Definition]:
    for node in body:
        if isinstance(node, Function):
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            yield Definition(above + _name(node), first, node.end_lineno or node.lineno, node)
        elif isinstance(node, ast.ClassDef):
            yield from _definitions(node.body, f"{above}{node.name}.")
        elif isinstance(node, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _definitions(ast.iter_child_nodes(node), above)


def _name(node: Function) -> str:
    """Return a function's name; what sets or deletes a property has that of what gets it."""
    roles = [one.attr for one in node.decorator_list if isinstance(one, ast.Attribute)]
    role = next((one for one in roles if one in ("setter", "deleter")), "")
    return f"{node.name} ({role})" if role else node.name


def changed_functions(base: bytes, edited: bytes) -> list[Definition]:
    """Return the base's functions that the edit changes, but for their comments and layout."""
    new = definitions(edited)
    return [
        old
        for name, old in definitions(base).items()
        if name in new and ast.dump(old.node) != ast.dump(new[name].node)
    ]


def new_objections(base: bytes, edited: bytes) -> list[str]:
    """Say where an edit departs from what is documented: signature, docstring, exceptions."""
    new, said = definitions(edited), list[str]()
    for old in changed_functions(base, edited):
        now = new[old.name].node
        if ast.dump(old.node.args) != ast.dump(now.args):
            said.append(f"the signature of {old.name} is another")
        doc = ast.get_docstring(old.node)
        if doc is not None and doc != ast.get_docstring(now):
            said.append(f"the docstring of {old.name} is another")
        raised = sorted(_raised(now) - _raised(old.node))
        said += [
            f"{old.name} raises {name}, which is not documented" for name in raised if name not in (doc or "")
        ]
    said += [f"{name} is gone" for name in definitions(base) if new and name not in new]
    return said


def _raised(node: ast.AST) -> set[str]:
    found: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Raise) and inner.exc is not None:
            named = inner.exc.func if isinstance(inner.exc, ast.Call) else inner.exc
            found |= {named.id} if isinstance(named, ast.Name) else set[str]()
    return found


def literals(data: bytes) -> frozenset[str]:
    """Return the literals of a file, or of an expression, that are not everywhere."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    return frozenset(repr(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)) - _PLAIN


def written(base: bytes, edited: bytes) -> int:
    """Return how many characters an edit adds, counting whole lines without their blanks."""
    old, new = _lines(base), _lines(edited)
    return sum(
        len("".join(line.split()))
        for kind, _, _, begin, stop in difflib.SequenceMatcher(None, old, new).get_opcodes()
        if kind != "equal"
        for line in new[begin:stop]
    )


def _lines(data: bytes) -> list[str]:
    return [line.decode("utf-8", "replace") for line in data.splitlines()]  # those of str have more ends


def one_line(path: str, base: bytes, edited: bytes) -> str:
    """Return the first changed line as `path:line: -old +new`, and how many lines more are changed."""
    old, new = _lines(base), _lines(edited)
    blocks = [block for block in difflib.SequenceMatcher(None, old, new).get_opcodes() if block[0] != "equal"]
    if not blocks:
        return path
    _, start, end, begin, stop = blocks[0]
    gone = f" -{old[start].strip()}" if start < end else ""
    come = f" +{new[begin].strip()}" if begin < stop else ""
    more = sum(max(block[2] - block[1], block[4] - block[3]) for block in blocks) - 1
    text = f"{path}:{(begin if begin < stop else start) + 1}:{gone}{come}"
    return (text if len(text) <= _WIDTH else text[: _WIDTH - 1] + "…") + (
        f" (and {more} more)" if more else ""
    )
