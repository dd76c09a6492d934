"""A text for a value that is the same for the same value in every process.

It runs in the interpreter of the repository under test, so it needs Python 3.7 only.
"""

from __future__ import annotations

import re
from typing import Any

__all__ = ["plain", "shown"]

_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
_DEPTH = 4


def shown(value: Any, depth: int = _DEPTH) -> str:
    """Return a value as `repr` does, but sets sorted, and without addresses.

    Objects with no form of their own are shown by their fields.
    """
    kind = value.__class__  # not `isinstance`: a subclass has its own form
    if depth and kind in (list, tuple, set, frozenset, dict):
        return _container(kind, value, depth - 1)
    text = repr(value)
    if not _ADDRESS.search(text):
        return text
    fields: dict[str, Any] = getattr(value, "__dict__", {})
    if depth and fields and type(value).__repr__ is object.__repr__:
        inner = ", ".join(f"{name}={shown(item, depth - 1)}" for name, item in sorted(fields.items()))
        return f"{kind.__name__}({inner})"
    return plain(text)


def plain(text: str) -> str:
    """Return a text without addresses of objects."""
    return _ADDRESS.sub("", text)


def _container(kind: Any, value: Any, depth: int) -> str:
    if kind is dict:
        pairs = [f"{shown(key, depth)}: {shown(item, depth)}" for key, item in value.items()]
        return "{" + ", ".join(pairs) + "}"
    items = [shown(item, depth) for item in value]
    if kind is list:
        return "[" + ", ".join(items) + "]"
    if kind is tuple:
        return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"
    inner = "{" + ", ".join(_sorted(value, items)) + "}" if items else ""
    return inner if kind is set and items else f"{kind.__name__}({inner})"


def _sorted(value: Any, texts: list[str]) -> list[str]:
    """Return the items of a set in the order of their values, or of their texts where they have none."""
    try:
        return [shown(item) for item in sorted(value)]
    except TypeError:
        return sorted(texts)
