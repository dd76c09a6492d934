"""Indentation: the base that a block has in common, and tabs against spaces."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

__all__ = ["Shift", "find_shift", "indent_of", "margin", "reindent", "unit_of"]

_WIDTHS = (2, 4, 8, 3)


@dataclass(frozen=True, slots=True)
class Shift:
    """A search and its replacement, brought to the indentation of the file."""

    search: tuple[str, ...]
    new: tuple[str, ...]


def find_shift(
    window: Sequence[str], search: Sequence[str], new: Sequence[str], lines: Sequence[str]
) -> Shift | None:
    """Return how `search` becomes `window` by indentation alone; None when that is not uniform.

    Search and replacement must have the same base: else nothing says where the new lines belong.
    """
    if any(line.strip() for line in new) and margin(search) != margin(new):
        return _first_line_apart(window, search, new)
    for unit in (None, *_units(search, lines)):
        old, fresh = _converted(search, unit), _converted(new, unit)
        base, target = margin(old), margin(window)
        moved = _moved(old, base, target)
        if all(a.rstrip() == b.rstrip() for a, b in zip(moved, window, strict=True)):
            return Shift(moved, _moved(fresh, base, target))
    return _first_line_apart(window, search, new)


def margin(lines: Sequence[str]) -> str:
    """Return the white space that all lines but the blank ones begin with."""
    heads = [indent_of(line) for line in lines if line.strip()]
    if not heads:
        return ""
    low, high = min(heads), max(heads)
    size = next((at for at, char in enumerate(low) if high[at : at + 1] != char), len(low))
    return low[:size]


def reindent(
    text: Sequence[str],
    target: str,
    lines: Sequence[str],
    strings: Sequence[range] = (),
    known: Collection[str] = (),
) -> list[str]:
    """Bring a block to an indentation, and to the file's own tabs or spaces.

    Args:
        text: the lines of the block.
        target: the indentation that it gets.
        lines: of the file.
        strings: rows of the block that begin within each string of it. They move with the code where that
            gives lines that are known or, where nothing is known, where they are indented as the code is.
        known: lines in whose place the block comes.
    """
    inside = {row for rows in strings for row in rows}
    code = [line for row, line in enumerate(text) if row not in inside]
    units = _units(code, lines)
    unit = units[0] if units else None
    moved = list(_moved(_converted(text, unit), margin(_converted(code, unit)), target))
    for rows in strings:
        above = next(text[row] for row in range(rows.start - 1, -1, -1) if row not in inside)
        pairs = [(text[row], moved[row]) for row in rows]
        moved[rows.start : rows.stop] = _string(pairs, indent_of(above), known)
    return moved


def unit_of(lines: Sequence[str]) -> str:
    """Return one step of a text's indentation: a tab, or some spaces; empty when none shows it."""
    heads = [indent_of(line) for line in lines if line.strip()]
    tabs = sum(head.startswith("\t") for head in heads)
    spaces = [len(head) for head in heads if head.startswith(" ")]
    if tabs > len(spaces):
        return "\t"
    return " " * next((w for w in (4, 2, 8, 3) if spaces and _share(spaces, w) >= 0.9), 0)


def _share(sizes: Sequence[int], width: int) -> float:
    return sum(size % width == 0 for size in sizes) / len(sizes)


def _units(text: Sequence[str], lines: Sequence[str]) -> list[tuple[str, str]]:
    """Return the (from, to) steps that turn a text's indentation into the file's kind."""
    theirs, mine = unit_of(lines), unit_of(text)
    if theirs == "\t" and mine.startswith(" "):
        return [(" " * width, "\t") for width in dict.fromkeys((len(mine), *_WIDTHS))]
    return [("\t", theirs)] if theirs.startswith(" ") and mine == "\t" else []


def _converted(lines: Sequence[str], unit: tuple[str, str] | None) -> tuple[str, ...]:
    if unit is None:
        return tuple(lines)
    old, new = unit
    return tuple(indent_of(line).replace(old, new) + line.lstrip(" \t") for line in lines)


def _moved(lines: Sequence[str], base: str, target: str) -> tuple[str, ...]:
    return tuple(target + line.removeprefix(base) if line.strip() else "" for line in lines)


def _string(pairs: Sequence[tuple[str, str]], around: str, known: Collection[str]) -> list[str]:
    """Choose each line of a string as it was written or as it was moved, by what is known there.

    Args:
        pairs: each line in both forms.
        around: the indentation of the code that the string begins in.
        known: lines that were there before.
    """
    full = [(written, moved) for written, moved in pairs if written.strip()]
    votes = sum((moved in known) - (written in known) for written, moved in full)
    along = votes > 0 or (votes == 0 and _is_within([written for written, _ in full], around))

    def chosen(written: str, moved: str) -> str:
        if not written.strip():
            return written
        if (written in known) != (moved in known):
            return written if written in known else moved
        return moved if along else written

    return [chosen(written, moved) for written, moved in pairs]


def _is_within(lines: Sequence[str], around: str) -> bool:
    """Tell whether lines are indented as code within a block is; at the left all but the last have to be."""
    if around:
        return all(line.startswith(around) for line in lines)
    return len(lines) > 1 and all(map(indent_of, lines[:-1]))


def _first_line_apart(window: Sequence[str], search: Sequence[str], new: Sequence[str]) -> Shift | None:
    """A block whose first line alone lost its indentation, as happens after an opening quote."""
    head = indent_of(window[0])
    if len(search) < 2 or not head or any(indent_of(text[0]) for text in (search, new) if text):
        return None
    rest = zip(search[1:], window[1:], strict=True)
    if any(a.rstrip() != b.rstrip() for a, b in rest):
        return None
    return Shift((head + search[0], *search[1:]), (head + new[0], *new[1:]) if new else ())


def indent_of(line: str) -> str:
    """Return the white space that a line begins with."""
    found = re.match(r"[ \t]*", line)
    return found[0] if found else ""
