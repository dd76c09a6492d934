"""Definitions by position -> qualified names, kinds and documentation."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

__all__ = ["Definition", "Scope", "doc_above", "first_doc_line", "outline", "owners"]

_MAX_DOC = 160  # characters
_QUOTES = re.compile(r"^[rRbBuUfF]*(\"\"\"|'''|\"|')")
_COMMENT = re.compile(r"^\s*(?:///?!?|/\*+!?|\*(?!/)|--|#(?!\[))\s?")
_TYPES = frozenset({"class", "struct", "trait", "interface", "enum", "protocol"})
_SUMMARY = re.compile(r"</?summary>|</?para>")


class Definition(NamedTuple):
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


class Scope(NamedTuple):
    """A block that qualifies names without defining one (Rust's `impl`, a namespace)."""

    start: int
    end: int
    name: str
    kind: str = "class"


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
        start, end = item.start, item.end
        while stack and (stack[-1][1] < end or (stack[-1][1] == end and stack[-1][0] == start)):
            stack.pop()
        parent, parent_kind = (stack[-1][2], stack[-1][3]) if stack else ("", "")
        name, kind = item.name, item.kind
        if isinstance(item, Definition):
            name = f"{item.receiver}.{name}" if item.receiver else name
            kind = "method" if kind == "function" and parent_kind in _TYPES else kind
        qualified = f"{parent}.{name}" if parent else name
        stack.append((start, end, qualified, kind))
        yield item, qualified, kind


def first_doc_line(text: str) -> str:
    """Return the first line of a docstring or comment that says something."""
    text = text.strip()
    if quotes := _QUOTES.match(text):
        text = text[quotes.end() :].removesuffix(quotes[1])
    for line in text.splitlines():
        line = _SUMMARY.sub("", _COMMENT.sub("", line)).strip().removesuffix("*/").strip()
        if line:
            return line if len(line) <= _MAX_DOC else line[: _MAX_DOC - 1] + "…"
    return ""


def doc_above(data: bytes, start: int, mark: bytes) -> str:
    """Return the first line of the comment that ends right above a definition.

    Args:
        data: the file.
        start: byte of the definition; one that does not start its line has no comment.
        mark: what starts a line comment.
    """
    end = data.rfind(b"\n", 0, start)
    if end < 1 or data[end + 1 : start].strip():
        return ""
    first = end
    while first > 0 and data[(line := data.rfind(b"\n", 0, first)) + 1 : first].lstrip().startswith(mark):
        first = line
    if first == end and data[max(0, end - 3) : end].rstrip().endswith(b"*/"):
        first = data.rfind(b"\n", 0, max(0, data.rfind(b"/*", 0, end)))
    return first_doc_line(data[first + 1 : end].decode("utf-8", "replace")) if first < end else ""
