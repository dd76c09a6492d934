"""Definitions by position -> qualified names, kinds and documentation."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

__all__ = ["Definition", "Scope", "doc_above", "first_doc_line", "outline", "owners"]

_MAX_DOC = 160  # characters
_QUOTES = re.compile(r"^[rRbBuUfF]*(\"\"\"|'''|\"|')")
_COMMENT = re.compile(r"^\s*(?:///?!?|/\*+!?|\*(?!/)|--|#(?!\[))\s?")
_LINE_COMMENT = {"go": b"//", "rust": b"//", "sql": b"--", "python": b"#"}
_TYPES = frozenset({"class", "struct", "trait", "interface"})


@dataclass(frozen=True, slots=True)
class Definition:
    """A definition before it is qualified; lines are 1-based, bytes a half-open span.

    Attributes:
        head: byte where the signature starts (after decorators).
        body: byte where the body starts, which ends the signature; None when there is none.
        receiver: type that a method belongs to although it stands outside of it.
    """

    name: str
    kind: str
    start: int
    end: int
    line: int
    last: int
    name_byte: int
    name_line: int
    head: int
    body: int | None = None
    receiver: str | None = None

    @property
    def rank(self) -> tuple[bool, bool]:
        """How much the match says: one with a body, then one of a specific kind, is best."""
        return self.body is not None, self.kind not in ("type", "variable", "field")


@dataclass(frozen=True, slots=True)
class Scope:
    """A block that qualifies names without defining one (Rust's `impl`)."""

    start: int
    end: int
    name: str


def outline(
    definitions: Iterable[Definition], scopes: Iterable[Scope]
) -> Iterator[tuple[Definition, str, str]]:
    """Yield each definition with its qualified name and its kind, in order of position."""
    for item, qualified, kind in _nested(definitions, scopes):
        if isinstance(item, Definition):
            yield item, qualified, kind


def owners(
    definitions: Iterable[Definition], scopes: Iterable[Scope], places: Sequence[int]
) -> Iterator[str]:
    """Yield the qualified name of what is around each byte, the innermost; places are in order."""
    blocks = [(item.start, item.end, name) for item, name, _ in _nested(definitions, scopes)]
    stack: list[tuple[int, int, str]] = []
    following = 0
    for place in places:
        while following < len(blocks) and blocks[following][0] <= place:
            stack.append(blocks[following])
            following += 1
        while stack and stack[-1][1] <= place:
            stack.pop()
        yield next((name for _, end, name in reversed(stack) if end > place), "")


def _nested(
    definitions: Iterable[Definition], scopes: Iterable[Scope]
) -> Iterator[tuple[Definition | Scope, str, str]]:
    stack: list[tuple[int, int, str, str]] = []  # start and end byte, qualified name, kind
    items: list[Definition | Scope] = [*definitions, *scopes]
    for item in sorted(items, key=lambda item: (item.start, -item.end, isinstance(item, Definition))):
        while stack and (stack[-1][1] < item.end or stack[-1][:2] == (item.start, item.end)):
            stack.pop()
        parent, parent_kind = (stack[-1][2], stack[-1][3]) if stack else ("", "")
        if isinstance(item, Scope):
            stack.append((item.start, item.end, _join(parent, item.name), "class"))
            yield item, _join(parent, item.name), "class"
            continue
        kind = "method" if item.kind == "function" and parent_kind in _TYPES else item.kind
        qualified = _join(parent, f"{item.receiver}.{item.name}" if item.receiver else item.name)
        stack.append((item.start, item.end, qualified, kind))
        yield item, qualified, kind


def first_doc_line(text: str) -> str:
    """Return the first line of a docstring or comment that says something."""
    text = text.strip()
    if quotes := _QUOTES.match(text):
        text = text[quotes.end() :].removesuffix(quotes[1])
    for line in text.splitlines():
        line = _COMMENT.sub("", line).strip().removesuffix("*/").strip()
        if line:
            return line if len(line) <= _MAX_DOC else line[: _MAX_DOC - 1] + "…"
    return ""


def doc_above(lines: Sequence[bytes], row: int, language: str) -> str:
    """Return the first line of the comment that ends right above a 0-based row."""
    mark = _LINE_COMMENT.get(language, b"//")
    first = row
    while first > 0 and lines[first - 1].lstrip().startswith(mark):
        first -= 1
    if first == row and row > 0 and lines[row - 1].rstrip().endswith(b"*/"):
        first = row - 1
        while first > 0 and b"/*" not in lines[first]:
            first -= 1
    return first_doc_line(b"\n".join(lines[first:row]).decode("utf-8", "replace")) if first < row else ""


def _join(parent: str, name: str) -> str:
    return f"{parent}.{name}" if parent else name
