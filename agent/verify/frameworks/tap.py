"""The Test Anything Protocol, for what prints it: prove, tape, bats, ava, tap.

https://testanything.org/tap-version-14-specification.html. The kept library, tap.py, passes over subtests,
which tap and ava nest everything in, so this reads the protocol itself: strictly, a line at a time.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Instrumented, Place, Reading, merge
from moot.agent.verify.shell import Call

__all__ = ["Tap", "parse_tap"]

_REPORT = "out.tap"
_TEST = re.compile(r"(not )?ok(?: (\d{1,9}))?(?: -)?( .*|\s+#.*|\{)?", re.IGNORECASE)
_DIRECTIVE = re.compile(r"(?:^|\s)#\s*(?:skip|todo)\b", re.IGNORECASE)
_TIME = re.compile(r"\s#\s*time=[\d.]+m?s$")
"""What node-tap puts behind a title."""

_PLAN = re.compile(r"1\.\.(\d{1,9})(\s*#.*)?")
_FILE = re.compile(r"(\S+) \.\.+ *")
_LONGEST = 8_000
"""Characters of a line that is read as TAP; a longer one is a program's own output."""

_DEEPEST = 50
"""Levels of subtests; a line that is indented further is a program's own output."""

_OPTIONS: dict[str, tuple[str, ...]] = {
    "prove": ("-v",),
    "tape": (),
    "bats": ("--formatter", "tap"),
    "ava": ("--tap",),
    "tap": ("--reporter=tap",),
}


@dataclass(slots=True)
class _Level:
    """Tests of one indentation: how many were announced and seen, and which are waiting for a parent."""

    planned: int | None = None
    seen: int = 0
    below: list[TestCase] = field(default_factory=list[TestCase])


class Tap:
    """Programs whose standard output is TAP, or can be."""

    name = "tap"

    def claims(self, call: Call) -> bool:
        """Tell whether the program is known to print TAP."""
        return call.program in _OPTIONS

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Ask for TAP on standard output. Ids name no files, so it is not narrowed."""
        words = (*call.prefix, call.words[0], *_OPTIONS[call.program], *call.words[1:])
        return Instrumented(words, stdout=_REPORT)

    def read(self, evidence: Evidence) -> Reading:
        """Read the protocol; without its plan the run broke off."""
        text = evidence.reports.read(_REPORT).decode(errors="replace")
        reading = parse_tap(text, evidence.place)
        return Reading(reading.cases, reading.complete, reading.nothing, text)


def parse_tap(text: str, place: Place) -> Reading:
    """Read text of which every line that begins as TAP does is TAP; others are a program's own output."""
    parser = _Parser(place)
    for line in text.splitlines():
        parser.line(line)
    return parser.end()


class _Parser:
    def __init__(self, place: Place) -> None:
        self._place = place
        self._levels = [_Level()]
        self._file = ""
        self._cases: list[TestCase] = []
        self._complete = True
        self._plans = 0
        self._note: list[str] = []
        self._last: tuple[list[TestCase], TestCase] | None = None
        self._yaml = False

    def line(self, line: str) -> None:
        """Take one line; those of a YAML block belong to the test before it."""
        depth, text = self._indent(line)
        if len(line) > _LONGEST:
            self._note.append(line[-MESSAGE:])
        elif text in ("---", "..."):
            self._yaml = text == "---"
        elif self._yaml:
            self._note.append(text)
        elif found := _FILE.fullmatch(line):
            self._close_document()
            self._file = found[1]
        elif (plan := _PLAN.fullmatch(text)) and depth is not None:
            self._level(depth).planned = int(plan[1])
            self._plans += depth == 0
        elif depth is not None and (test := _TEST.fullmatch(text)) and (test[2] or depth or not self._file):
            self._test(depth, test)
        elif text:
            self._note.append(text)

    def end(self) -> Reading:
        self._close_document()
        complete = self._complete and self._plans > 0
        return Reading(merge(self._cases), complete, complete and not self._cases)

    def _indent(self, line: str) -> tuple[int | None, str]:
        text = line.lstrip(" ")
        spaces = len(line) - len(text)
        return (spaces // 4 if spaces % 4 == 0 and spaces // 4 <= _DEEPEST else None), text

    def _level(self, depth: int) -> _Level:
        while len(self._levels) <= depth:
            self._levels.append(_Level())
        return self._levels[depth]

    def _test(self, depth: int, test: re.Match[str]) -> None:
        """Take a test; one with subtests gives its name to them, and fails by itself only if none did."""
        self._flush()
        title = test[3] or ""
        directive = _DIRECTIVE.search(title)
        title = title[: directive.start()] if directive else title.rstrip().removesuffix("{").rstrip()
        title = _TIME.sub("", title)
        name = title.replace("\\#", "#").strip() or f"test {test[2] or self._level(depth).seen + 1}"
        outcome = "skipped" if directive else "failed" if test[1] else "passed"
        inner = self._close(depth + 1)
        self._level(depth).seen += 1
        if inner and (outcome != "failed" or any(case.outcome == "failed" for case in inner)):
            found = [TestCase(f"{name} > {case.id}", case.outcome, case.message) for case in inner]
        else:
            found = [TestCase(name, outcome)]
        below = self._level(depth).below
        below += found
        self._last = (below, below[-1]) if not inner else None

    def _close(self, depth: int) -> list[TestCase]:
        """End all levels from `depth` on, and return their tests."""
        closed = self._levels[depth:]
        del self._levels[depth:]
        self._complete = self._complete and all(map(_whole, closed))
        return closed[0].below if closed else []

    def _close_document(self) -> None:
        self._flush()
        self._close(1)
        level = self._levels[0]
        self._complete = self._complete and _whole(level)
        prefix = f"{self._file} > " if self._file else ""
        path = self._place.path(self._file) if self._file else ""
        self._cases += [TestCase(prefix + each.id, each.outcome, each.message, path) for each in level.below]
        self._levels = [_Level()]

    def _flush(self) -> None:
        """Give the lines after a failed test to it."""
        last = self._last
        if last is not None and last[1].outcome == "failed" and self._note:
            below, case = last
            below[-1] = TestCase(case.id, case.outcome, "\n".join(self._note)[-MESSAGE:])
        self._last, self._note = None, []


def _whole(level: _Level) -> bool:
    return level.planned is None or level.planned == level.seen
