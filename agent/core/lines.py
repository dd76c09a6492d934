"""What differs between two lists of lines."""

import difflib
from collections.abc import Iterator, Sequence

__all__ = ["changed_spans"]

_MOST_COMPARED = 25_000_000
"""Pairs of lines; above it lines that occur often are no anchors."""


def changed_spans(old: Sequence[bytes], new: Sequence[bytes]) -> Iterator[tuple[int, int, int, int]]:
    """Yield what differs as (start, end) in the old lines and in the new ones.

    Equal lines at both ends are taken off first, since what follows is quadratic.
    """
    least = min(len(old), len(new))
    first = next((n for n in range(least) if old[n] != new[n]), least)
    last = next((n for n in range(least - first) if old[-1 - n] != new[-1 - n]), least - first)
    left, right = old[first : len(old) - last], new[first : len(new) - last]
    junk = len(left) * len(right) > _MOST_COMPARED
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, left, right, autojunk=junk).get_opcodes():
        if tag != "equal":
            yield first + a1, first + a2, first + b1, first + b2
