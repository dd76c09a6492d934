"""Where an answer ends: at the end of the node around the hole, and before the suffix begins again."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from moot.agent.syntax import language_of, line_comment, syntax_errors

__all__ = ["Hole", "Trimmed", "Trimmer", "beginnings", "until_suffix", "without_overlap"]

_JUDGED = 16_384
"""Characters on each side of the hole that are parsed with an answer."""
_OVERLAP = 400
_BRACKETS = {")": "(", "]": "[", "}": "{"}


def until_suffix(text: str, suffix: str) -> str:
    """Return the text up to the line that is the first of the suffix, indentation included."""
    lines, following = text.split("\n"), _first_filled(suffix.split("\n")[1:])
    end = next((n for n, line in enumerate(lines) if n and following and line.rstrip() == following), None)
    return "\n".join(lines[:end])


def without_overlap(text: str, following: str) -> str:
    """Return the text without its longest end that is more than space and with which `following` begins."""
    for size in range(min(len(text), len(following), _OVERLAP), 0, -1):
        if text.endswith(following[:size]) and following[:size].strip():
            return text[:-size].rstrip()
    return text


def beginnings(text: str, following: str) -> Iterator[str]:
    """Yield ever shorter beginnings of an answer, cut at line ends: each as it is, then without overlap."""
    lines = text.split("\n")
    for count in range(len(lines), 0, -1):
        piece = "\n".join(lines[:count]).rstrip()
        yield piece
        while (shorter := without_overlap(piece, following)) != piece:
            yield (piece := shorter)


@dataclass(frozen=True)
class Hole:
    """A place in a text that is to be filled in; `path` tells the language. Lines end with `\\n`."""

    path: str
    prefix: str
    suffix: str

    @cached_property
    def line(self) -> str:
        """What stands before the hole in its line."""
        return self.prefix[self.prefix.rfind("\n") + 1 :]

    @cached_property
    def rest(self) -> str:
        """What stands after the hole in its line."""
        return self.suffix.split("\n", 1)[0]

    @cached_property
    def following(self) -> str:
        """The first line after the hole's own that is not empty, without trailing space; empty at the end."""
        return _first_filled(self.suffix.split("\n")[1:])

    @property
    def one_line(self) -> bool:
        """Whether the answer can only be the rest of the line: text or a deeper block follows it."""
        header = bool(self.line.strip()) and _depth(self.following) > _depth(self.line)
        return bool(self.rest.strip()) or header


class Trimmed(NamedTuple):
    """What an answer adds, and why it ends there.

    `stop` is `line` (it was to be one line), `syntax` (its node is complete), `suffix` (what follows came
    again), or the server's reason: `stop`, `length`, `repetition`.
    """

    text: str
    stop: str


class Trimmer:
    """Finds the end of answers for one hole."""

    def __init__(self, hole: Hole) -> None:
        self._hole = hole
        before, after = hole.prefix[-_JUDGED:], hole.suffix[:_JUDGED]
        self._before = before[before.find("\n") + 1 :] if len(hole.prefix) > _JUDGED else before
        self._after = after[: after.rfind("\n") + 1] or after if len(hole.suffix) > _JUDGED else after
        self._known: dict[str, int] = {}

    def ended(self, text: str) -> bool:
        """Tell of an answer that is being written whether nothing that can come belongs to the hole."""
        *lines, begun = text.split("\n")
        if not lines:
            return False
        return bool(self._unit(lines)[1]) or (
            self._beyond(lines, begun) and self.errors("\n".join(lines)) == 0
        )

    def trim(self, text: str, finish: str) -> Trimmed:
        """Return what belongs to the hole: of its beginnings the longest with the fewest syntax errors.

        An end that the suffix begins with is dropped unless that makes an error. Where every beginning
        makes more errors than there were, the text is empty.

        Args:
            text: the answer.
            finish: the server's reason for its end.
        """
        if self._hole.line.strip() and self._hole.line.endswith(" "):
            text = text.lstrip(" ")  # models that start words with a space write a second one
        lines = text.replace("\r\n", "\n").split("\n")
        broken_off = finish in ("length", "repetition") and len(lines) > 1
        kept, stop = self._unit(lines[:-1] if broken_off else lines)
        best = min(beginnings("\n".join(kept), self._hole.suffix), key=self._cost)
        fits = self.errors(best) <= self.errors("")
        return Trimmed(best if fits else "", stop or finish)

    def errors(self, text: str) -> int:
        """Return the syntax errors around the hole with this text in it; brackets, without a grammar."""
        if text not in self._known:
            self._known[text] = self._count(self._before + text + self._after)
        return self._known[text]

    def _cost(self, text: str) -> tuple[int, bool, int]:
        return self.errors(text), without_overlap(text, self._hole.suffix) != text, -len(text)

    def _count(self, text: str) -> int:
        if language_of(self._hole.path) is None:
            return _unmatched(text)
        return len(syntax_errors(self._hole.path, text.encode("utf-8", "replace")))

    @cached_property
    def _ground(self) -> int:
        """The errors without the hole's line."""
        hole = self._hole
        above = self._before.removesuffix(hole.line)
        return self._count(above + self._after.removeprefix(hole.rest).removeprefix("\n"))

    def _unit(self, lines: list[str]) -> tuple[list[str], str]:
        """Return the lines up to the first that is no part of the hole's node, and why they end there."""
        if self._hole.one_line:
            return lines[:1], "line"
        for number in range(1, len(lines)):
            kept, line = lines[:number], lines[number]
            if line.strip() and line.rstrip() == self._hole.following:
                return kept, "suffix"
            if self._beyond(kept, line) and self._complete(kept, line):
                return kept, "syntax"
        return lines, ""

    def _beyond(self, lines: list[str], line: str) -> bool:
        """Tell whether a line stands further out than the node that `lines` begin."""
        first = self._first(lines)
        return first is not None and bool(line.strip()) and _depth(line) < self._least_depth(lines, first)

    def _complete(self, lines: list[str], line: str) -> bool:
        """Tell whether a node is complete; a line that closes what is open still belongs to it."""
        errors = self.errors("\n".join(lines))
        return errors <= self._ground and (errors == 0 or self.errors("\n".join([*lines, line])) >= errors)

    def _first(self, lines: list[str]) -> int | None:
        """Return the first line that says more than a comment."""
        mark = line_comment(language_of(self._hole.path))
        said = (n for n, line in enumerate(lines) if line.strip() and not line.strip().startswith(mark))
        return next(said, None)

    def _least_depth(self, lines: list[str], first: int) -> int:
        """Return the depth that lines need to be of the node: in an empty body that of its statements."""
        hole = self._hole
        above = hole.prefix if first else hole.prefix.removesuffix(hole.line)
        depth = _depth(lines[first] if first else hole.line + lines[0])
        fresh = bool(first) or not hole.line.strip()
        previous = _first_filled(reversed(above.split("\n")))
        body = fresh and bool(previous) and _depth(previous) < depth
        return depth if body and _depth(hole.following) < depth else depth + 1


def _first_filled(lines: "Iterator[str] | list[str]") -> str:
    return next((line.rstrip() for line in lines if line.strip()), "")


def _depth(line: str) -> int:
    """Return a line's indentation in columns; -1 for an empty one."""
    wide = line.expandtabs(4)
    return len(wide) - len(wide.lstrip()) if wide.strip() else -1


def _unmatched(text: str) -> int:
    """Count brackets without a partner."""
    opened: list[str] = []
    lost = 0
    for char in text:
        if char in "([{":
            opened.append(char)
        elif char in _BRACKETS:
            if opened and opened[-1] == _BRACKETS[char]:
                opened.pop()
            else:
                lost += 1
    return lost + len(opened)
