"""Whether an edit is fitted to the failing test: it brings in values that only the test has."""

import re

from moot.agent.repair.source import Source, walk

__all__ = ["borrowed"]

_STRINGS = frozenset(
    {
        *("string", "template_string", "interpreted_string_literal", "raw_string_literal"),
        "string_literal",
    }
)
_NUMBERS = frozenset({"integer", "float", "number", "int_literal", "float_literal", "integer_literal"})
_LEAST = 3
"""Characters of a string below which it is everywhere."""
_PLAIN = frozenset({"0", "1", "2", "10", "100", "0.0", "1.0"})
"""Numbers that are everywhere."""
_QUOTES = re.compile(r"^[A-Za-z#]*([\"'`]+)(?P<inside>.*)\1#*$", re.DOTALL)


def borrowed(old: Source, new: Source, test: str, task: str) -> list[str]:
    """Return the literals that an edit brings in which stand in the failing test and not in the task.

    Args:
        test: code of the failing test, and what it says when it fails.
        task: its words; a value that is asked for is no sign of anything.
    """
    come = _literals(new) - _literals(old)
    return sorted(literal for literal in come if _stands(literal, test) and not _stands(literal, task))


def _literals(source: Source) -> frozenset[str]:
    """Return strings without their quotes, and numbers, of those that are not everywhere."""
    if source.tree is None:
        return frozenset()
    found: set[str] = set()
    for node in walk(source.tree.root_node):
        text = source.text(node)
        if node.type in _STRINGS and (quoted := _QUOTES.match(text)):
            found |= {quoted["inside"]} if len(quoted["inside"].strip()) >= _LEAST else set()
        elif node.type in _NUMBERS and text not in _PLAIN:
            found.add(text)
    return frozenset(found)


def _stands(literal: str, text: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(literal)}(?![\w.])", text) is not None
