"""What is known of each language: its nodes, and the names that runners and assertion libraries give."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["Dialect", "MarkKind", "Opened", "callee", "name_of", "text_of"]

MarkKind = Literal["skipped", "focused", "mocked"]


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


def name_of(node: "Node") -> str:
    """Return the name of what a node defines."""
    return text_of(node.child_by_field_name("name"))
