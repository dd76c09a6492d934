"""Reads test code: its tests and helpers, what each asserts, and what skips, focuses or mocks."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from moot.agent.risk.assertions import Assertion, assertion_of
from moot.agent.risk.dialects import DIALECTS
from moot.agent.risk.dialects.base import Dialect, text_of
from moot.agent.risk.nested import mentions, never_called
from moot.agent.risk.reach import guards, swallowed, unreached
from moot.agent.syntax import language_of, new_parser

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Mark", "TestCode", "Unit", "read"]

_ATTRIBUTES = frozenset({"decorator", "attribute", "attribute_item", "inner_attribute_item", "comment"})
_ABOVE = frozenset({"attribute_item", "line_comment", "block_comment"})

_DEEPEST = 200
"""Nested nodes that are followed: generated files nest deeper, tests do not."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A place that skips, focuses or mocks; `owner` is the unit or group that it is of, empty at the top."""

    line: int
    kind: Literal["skipped", "focused", "mocked"]
    text: str
    owner: str

    def reaches(self, name: str) -> bool:
        """Tell whether a unit is the owner, or in it."""
        return not self.owner or f"{name} > ".startswith(f"{self.owner} > ")


@dataclass(slots=True)
class Unit:
    """A test or a helper. `literals` are those outside of assertions; `depth` counts conditions around it.

    `off` says that it, or what is around it, may be skipped.
    """

    name: str
    line: int
    is_test: bool
    body: str
    depth: int = 0
    off: bool = False
    assertions: list[Assertion] = field(default_factory=list[Assertion])
    literals: Counter[str] = field(default_factory=Counter[str])

    @property
    def leaf(self) -> str:
        """The name without what is around it."""
        return self.name.rpartition(" > ")[2]


@dataclass(frozen=True, slots=True)
class TestCode:
    """Units by qualified name; the unit of the empty name holds what stands outside of all others."""

    __test__ = False

    units: dict[str, Unit]
    marks: list[Mark]

    @property
    def tests(self) -> list[Unit]:
        """The units that a runner would run."""
        return [unit for unit in self.units.values() if unit.is_test]


def read(path: str, data: bytes) -> TestCode | None:
    """Return what a file's test code says; None for a language that is not known here."""
    dialect = DIALECTS.get(language_of(path) or "")
    if dialect is None:
        return None
    reader = _Reader(dialect)
    root = new_parser(language_of(path) or "").parse(data).root_node
    reader.walk(root, (), reader.top, _Place())
    skipped = {mark.owner for mark in reader.marks if mark.kind == "skipped"}
    for unit in reader.units.values():
        unit.off = unit.depth > 0 or not skipped.isdisjoint(_around(unit.name))
    return TestCode(reader.units, reader.marks)


def _around(name: str) -> list[str]:
    """Return a unit's name and those of all that is around it, the file among them."""
    parts = name.split(" > ")
    return ["", *(" > ".join(parts[:count]) for count in range(1, len(parts) + 1))]


@dataclass(frozen=True, slots=True)
class _Place:
    """How many conditions and how many nodes are around."""

    conditions: int = 0
    nodes: int = 0

    def within(self, condition: bool) -> "_Place":
        """Return the place under one more condition, where there is one."""
        return replace(self, conditions=self.conditions + 1) if condition else self


class _Reader:
    """One walk over one tree."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._names = Counter[str]()  # of the unit that is read
        self.top = Unit("", 1, False, "")
        self.units: dict[str, Unit] = {"": self.top}
        self.marks: list[Mark] = []

    def walk(self, node: "Node", scope: tuple[str, ...], unit: Unit, place: _Place) -> None:
        """Visit a node: it opens a scope or a unit, is an assertion, a mark or a literal, or holds others."""
        dialect = self._dialect
        if node.type in dialect.ignored or place.nodes > _DEEPEST or _is_docstring(node):
            return
        if unit is not self.top and never_called(node, self._names):
            return
        if self._mark(node, scope, unit):
            return
        if (name := dialect.scope(node)) is not None and unit is self.top:
            self._children(node, (*scope, name), unit, place)
            return
        if unit is self.top and (found := dialect.unit(node)) is not None:
            unit = self._open((*scope, found.name), found.is_test, node, place)
            scope, place = (), _Place(nodes=place.nodes)
        elif (assertion := assertion_of(node, dialect, place.conditions)) is not None:
            unit.assertions.append(assertion)
            return
        if node.type in dialect.literals:
            unit.literals[text_of(node)] += 1
            return
        self._children(node, scope, unit, place)

    def _open(self, names: tuple[str, ...], is_test: bool, node: "Node", place: _Place) -> Unit:
        name = " > ".join(names)
        if self._dialect.repeats:
            number = 1 + sum(known == name or known.startswith(f"{name} #") for known in self.units)
            name = name if number == 1 else f"{name} #{number}"
        body = _without_name(text_of(node), names[-1])
        unit = Unit(name, node.start_point.row + 1, is_test, body, place.conditions)
        self.units[name] = unit
        self._names = mentions(node)
        return unit

    def _children(self, node: "Node", scope: tuple[str, ...], unit: Unit, place: _Place) -> None:
        inner = _Place(place.conditions + (node.type in self._dialect.conditions), place.nodes + 1)
        dead, caught = unreached(node, self._dialect), swallowed(node)
        for child in node.named_children:
            if child.id not in dead:
                self.walk(child, scope, unit, inner.within(child.id in caught))
                inner = inner.within(guards(child, self._dialect))

    def _mark(self, node: "Node", scope: tuple[str, ...], unit: Unit) -> bool:
        """Note a mark; True when nothing inside of it is of interest."""
        kind = self._dialect.mark(node)
        if kind is None:
            return False
        below = _below(node)
        if unit is self.top and below.type in self._dialect.ignored:
            return True  # an import is no test
        found = self._dialect.unit(below)
        name = found.name if found is not None else self._dialect.scope(below)
        owner = unit.name or " > ".join((*scope, name) if name else scope)
        self.marks.append(Mark(node.start_point.row + 1, kind, _one_line(text_of(node)), owner))
        return node.type in _ATTRIBUTES


def _below(node: "Node") -> "Node":
    """Return what an attribute of Rust, a sibling of it, is of; any other node itself."""
    while node.type in _ABOVE and node.next_named_sibling is not None:
        node = node.next_named_sibling
    return node


def _is_docstring(node: "Node") -> bool:
    children = node.named_children
    return node.type == "expression_statement" and len(children) == 1 and children[0].type == "string"


def _without_name(body: str, name: str) -> str:
    return _one_line(re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", "", body, count=1))


def _one_line(text: str) -> str:
    return " ".join(text.split())
