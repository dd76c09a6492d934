"""Words: identifiers split on camelCase and snake_case, lower-cased and counted."""

import re
from collections import Counter
from functools import lru_cache

__all__ = ["count_terms", "split_identifier"]

_IDENTIFIER = re.compile(r"[^\W\d]\w+")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W\dA-Z_]+|\d+")
_LONGEST = 64  # characters; longer runs are encoded data, not words


@lru_cache(maxsize=1 << 16)
def split_identifier(identifier: str) -> tuple[str, ...]:
    """Return the lower-case parts of an identifier that are longer than one character.

    Digits stay with the letters before them (`utf8`, `sha256`).
    """
    parts: list[str] = []
    for part in _PART.findall(identifier):
        if part.isdigit():
            if parts:
                parts[-1] += part
        else:
            parts.append(part.lower())
    return tuple(part for part in parts if len(part) > 1)


def count_terms(text: str) -> dict[str, int]:
    """Count the terms of a text, in order of first appearance."""
    counts: dict[str, int] = {}
    for identifier, times in Counter(_IDENTIFIER.findall(text)).items():
        if len(identifier) > _LONGEST:
            continue
        for part in split_identifier(identifier):
            counts[part] = counts.get(part, 0) + times
    return counts
