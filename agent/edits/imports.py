"""Imports that are added: below those that are there, without what these name already."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from moot.agent.edits.forms import AddImports
from moot.agent.edits.symbols import Outline, trimmed
from moot.agent.edits.text import Document
from moot.agent.syntax import language_of, new_parser

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["add_imports"]

_HEADER = re.compile(
    r"\s*(?:$|//|#(?!\[\w)|--|/\*|\*|package\s|['\"]use strict['\"]"
    r"|<\?php\b|declare\s*\(|namespace\s[\w\\]+\s*;)"
)
_GROUPING = {"go": "import_declaration", "rust": "use_declaration"}
"""Languages in which one statement imports several things, and its node."""

_LONGEST = 300
"""Characters before a group that is taken apart."""

_SELF = re.compile(r"::self(?=$| as )")
"""Rust has it within groups only."""

_GROUPS = frozenset({"import_declaration", "import_spec_list", "use_declaration", "use_list"})


@dataclass(frozen=True, slots=True)
class _Statement:
    """The rows of an import, from 0, and each thing that it names; all of its text where it says more."""

    first: int
    last: int
    names: tuple[str, ...]


def add_imports(edit: AddImports, path: str, document: Document, outline: Outline) -> Document:
    """Add imports after the last one that is not inside something, else below the file's header."""
    imports = [symbol for symbol in outline(path, document.joined()) if symbol.kind == "import"]
    text = [line.rstrip() for line in trimmed(edit.text.split("\n"))]
    if language_of(path) in _GROUPING:
        text = _without_known(text, path, document)
    else:
        known = {symbol.qualified_name for symbol in imports}
        text = [line for line in text if line[:1].isspace() or " ".join(line.split()) not in known]
    text = trimmed(text)
    future = [line for line in text if line.startswith("from __future__ ")]
    rest = [line for line in text if line not in future]
    if rest:
        below = max((symbol.end_line for symbol in imports), default=None)
        document = _place_imports(document, rest, below)
    if future:
        above = min((symbol.start_line - 1 for symbol in imports), default=None)
        document = _place_imports(document, future, above)
    return document


def _without_known(lines: Sequence[str], path: str, document: Document) -> list[str]:
    """Return new imports without what those of the file name; a group that is cut is written anew."""
    known = {name for one in _statements(path, document.joined()) for name in one.names}
    statements = _statements(path, "\n".join(lines).encode("utf-8", "replace"))
    if any(one.last >= other.first for one, other in pairwise(statements)):
        return list(lines)
    kept, at = list[str](), 0
    for one in statements:
        new = [name for name in one.names if name not in known]
        known.update(one.names)
        written = lines[one.first : one.last + 1] if len(new) == len(one.names) else _written(new, path)
        kept += [*lines[at : one.first], *written]
        at = one.last + 1
    return [*kept, *lines[at:]]


def _statements(path: str, data: bytes) -> list[_Statement]:
    """Return the imports at the top of a text in a language that groups them, each with its attributes."""
    language = language_of(path) or ""
    found, above = list[_Statement](), list["Node"]()
    for node in new_parser(language).parse(data).root_node.named_children:
        if node.type == "attribute_item":
            above.append(node)
        elif node.type == _GROUPING[language]:
            plain = not above and all(each.type != "visibility_modifier" for each in node.named_children)
            names = tuple(_names(node)) if plain else (" ".join(map(_text, (*above, node))),)
            first, above = (*above, node)[0], []
            found.append(_Statement(first.start_point.row, node.end_point.row, names))
        elif not node.type.endswith("comment"):
            above = []
    return found


def _names(node: "Node") -> Iterator[str]:
    """Yield what an import names: `"fmt"`, `f "fmt"`, `std::fmt`, `std::fmt as f`."""
    todo = [(node, "")]  # a loop: hostile text nests deeper than calls may
    while todo:
        node, before = todo.pop()
        group = node.child_by_field_name("list")
        if node.type in _GROUPS:
            todo += [(child, before) for child in reversed(node.named_children)]
        elif node.type == "scoped_use_list" and group is not None and len(before) < _LONGEST:
            todo.append((group, f"{before}{_text(node.child_by_field_name('path'))}::"))
        elif not node.type.endswith("comment"):
            yield _SELF.sub("", f"{before}{_text(node)}")


def _text(node: "Node | None") -> str:
    return " ".join((node.text or b"").decode("utf-8", "replace").split()) if node is not None else ""


def _written(names: Sequence[str], path: str) -> list[str]:
    if language_of(path) == "rust":
        return [f"use {name};" for name in names]
    if len(names) > 1:
        return ["import (", *(f"\t{name}" for name in names), ")"]
    return [f"import {name}" for name in names]


def _place_imports(document: Document, text: Sequence[str], at: int | None) -> Document:
    if at is not None:
        return document.splice(at, at, text)
    at = _below_header(document.lines)
    before = [""] if at and document.lines[at - 1].strip() else []
    after = [""] if at < len(document.lines) and document.lines[at].strip() else []
    return document.splice(at, at, [*before, *text, *after])


def _below_header(lines: Sequence[str]) -> int:
    """Return where code begins: below comments, a package line, and a documentation string."""
    at = 0
    while at < len(lines) and _HEADER.match(lines[at]):
        at += 1
    quote = lines[at].lstrip("rR")[:3] if at < len(lines) else ""
    if quote in ('"""', "'''"):
        ends = (n for n in range(at, len(lines)) if quote in lines[n][4 if n == at else 0 :])
        return next(ends, at - 1) + 1
    while at and not lines[at - 1].strip():
        at -= 1
    return at
