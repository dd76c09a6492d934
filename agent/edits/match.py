"""Where a model's lines stand in a file: exactly, or but for white space; never a guess."""

import difflib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from moot.agent.edits.indent import Shift, find_shift

__all__ = ["Match", "closest", "find_matches", "find_runs", "rewrite", "show"]

_CONTEXT = 3
"""Lines shown around the closest lines of a failed search."""
_SHOWN = 40
_WIDEST = 200
"""Lines, and characters of a line, that a message shows at most."""
_COMMON = 50
"""A line that occurs more often says little about where a text belongs."""
_MOST_COMPARED = 25_000_000
"""Pairs of lines; above it a whole file takes the usual line end everywhere."""
_COMPARED = 4_000
"""Lines of a file that are compared letter by letter."""

_BEFORE_WORD = r"(?<!\w)(?!(?<=\d\.)\d)"
_AFTER_WORD = r"(?!\w|(?<=\d)\.\d)"
"""No part of a longer word, or of a number with a point."""


@dataclass(frozen=True, slots=True)
class Match:
    """A place in a file, and what its lines become: texts, and indices of file lines that stay."""

    start: int
    end: int
    new: tuple[str | int, ...]


def find_matches(lines: Sequence[str], search: Sequence[str], new: Sequence[str]) -> list[Match]:
    """Return every place where `search` stands, by the first of these ways that finds one.

    1. The lines are equal.
    2. They are equal but for white space at their ends.
    3. They are equal but for the indentation that all of them have in common, or for tabs in place of
       spaces; the new lines are indented the same way.
    4. A single line stands within one line of the file, between words.
    """
    for way in (_equal, _ends_apart, _indented, _within):
        if found := list(way(lines, search, new)):
            return found
    return []


def rewrite(lines: Sequence[str], new: Sequence[str]) -> tuple[str | int, ...]:
    """Return a whole new text in which old lines that stay are indices, so that they keep their ends."""
    if len(lines) * len(new) > _MOST_COMPARED:
        return tuple(new)
    return _merge(0, lines, new)


def find_runs(lines: Sequence[str], count: int, fits: Callable[[str, int], bool]) -> list[int]:
    """Return where `count` lines in a row fit; `fits` gets a line and its place in the run."""
    return [
        at
        for at in range(len(lines) - count + 1)
        if all(fits(lines[at + place], place) for place in range(count))
    ]


def closest(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    """Return the index of the line where the real text that resembles `wanted` most begins."""
    places: defaultdict[str, list[int]] = defaultdict(list)
    for at, line in enumerate(lines):
        places[line.strip()].append(at)
    votes: Counter[int] = Counter()
    for offset, line in enumerate(wanted):
        where = places[line.strip()] if line.strip() else []
        if len(where) <= _COMMON:
            votes.update(at - offset for at in where)
    if votes:
        best = max(votes.values())
        return max(0, min(at for at, count in votes.items() if count == best))
    return _alike(lines, wanted)


def show(lines: Sequence[str], start: int, count: int) -> str:
    """Return real lines around a place as a message shows them."""
    first = max(0, min(start, len(lines)) - _CONTEXT)
    last = min(len(lines), start + count + _CONTEXT, first + _SHOWN)
    text = "\n".join(line[:_WIDEST] for line in lines[first:last])
    return f"{first + 1}-{last}:\n{text}"


def _alike(lines: Sequence[str], wanted: Sequence[str]) -> int | None:
    stripped = [line.strip()[:_WIDEST] for line in lines[:_COMPARED]]
    for line in sorted((line.strip() for line in wanted), key=len, reverse=True)[:3]:
        if line and (close := difflib.get_close_matches(line[:_WIDEST], stripped, n=1, cutoff=0.5)):
            return stripped.index(close[0])
    return None


def _equal(lines: Sequence[str], search: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    for at in find_runs(lines, len(search), lambda line, place: line == search[place]):
        yield Match(at, at + len(search), _merge(at, search, new))


def _ends_apart(lines: Sequence[str], search: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    bare = [line.rstrip() for line in search]
    for at in find_runs(lines, len(bare), lambda line, place: line.rstrip() == bare[place]):
        yield Match(at, at + len(bare), _merge(at, bare, [line.rstrip() for line in new]))


def _indented(lines: Sequence[str], search: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    bare = [line.strip() for line in search]
    if not any(bare):
        return
    for at in find_runs(lines, len(bare), lambda line, place: line.strip() == bare[place]):
        shift = find_shift(lines[at : at + len(bare)], search, new, lines)
        if isinstance(shift, Shift):
            yield Match(at, at + len(bare), _merge(at, shift.search, shift.new))


def _within(lines: Sequence[str], search: Sequence[str], new: Sequence[str]) -> Iterator[Match]:
    if len(search) != 1 or len(new) > 1 or not re.search(r"\w", search[0]):
        return
    text = search[0].strip()
    before = _BEFORE_WORD if re.match(r"\w", text[0]) else ""
    after = _AFTER_WORD if re.match(r"\w", text[-1]) else ""
    pattern = re.compile(before + re.escape(text) + after)
    for at, line in enumerate(lines):
        for found in pattern.finditer(line):
            changed = line[: found.start()] + "".join(new).strip() + line[found.end() :]
            yield Match(at, at + 1, (changed,))


def _merge(at: int, old: Sequence[str], new: Sequence[str]) -> tuple[str | int, ...]:
    """Keep the file's own lines where the edit does not touch them, with their ends and white space."""
    merged: list[str | int] = []
    for tag, a1, a2, b1, b2 in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        merged += range(at + a1, at + a2) if tag == "equal" else new[b1:b2]
    return tuple(merged)
