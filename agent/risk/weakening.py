"""What a change takes away from a file of tests: tests, assertions, expected values."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator

from moot.agent.core.verification import IntegrityFlag
from moot.agent.risk.assertions import NOTHING, ORDERS, PARTLY, Assertion
from moot.agent.risk.testcode import Mark, TestCode, Unit

__all__ = ["Moved", "added_marks", "deleted_file", "weakened"]

Moved = frozenset[tuple[str, bool, bool]]
"""Bodies that are new anywhere in a patch, whether each is a test, and is off: that is where a test moved."""

_ALIKE = 0.5
"""Similarity of two texts from which one assertion counts as the other's new form."""

_SHOWN = 70
_TEXTS = re.compile(r"\"[^\"]*\"|'[^']*'|`[^`]*`")
_NOT = re.compile(r"\bnot\b|!|[nN]ot(?=[A-Z])|(?<=[.a-z])[Ff]als[ey]\b|NoError")
"""What an assertion denies with, outside of strings."""

_STRENGTHS = ("nothing", "only that something is true", "only a part or a range", "the value")
_LOOSE = ("approx", "almost", "close", "delta", "tolerance", "isclose", "places", "rtol", "atol", "epsilon")


def weakened(path: str, old: TestCode, new: TestCode, moved: Moved, helpers: bool) -> Iterator[IntegrityFlag]:
    """Yield what the new form of a file asserts less than the old one.

    Args:
        moved: what is new anywhere in the patch.
        helpers: whether functions beside tests count, as they do where the file holds nothing else.
    """
    for name, before in old.units.items():
        if not before.is_test and not helpers:
            continue
        after = new.units.get(name)
        if after is None or (before.is_test and not after.is_test):
            yield from _gone(path, before, after, moved)
            continue
        if before.body == after.body and before.depth == after.depth and name:
            continue
        yield from _unit(path, before, after)


def _gone(path: str, before: Unit, after: Unit | None, moved: Moved) -> Iterator[IntegrityFlag]:
    if before.is_test:
        if not _is_moved(before, moved):
            line, done = (after.line, "no test any more") if after else (before.line, "removed")
            yield IntegrityFlag(path, line, "deleted", f"the test {before.leaf} is {done}", before.leaf)
    elif before.assertions and not _is_moved(before, moved):
        text = f"{before.leaf}, which asserts, is removed"
        yield IntegrityFlag(path, before.line, "weakened", text, before.leaf)


def _is_moved(unit: Unit, moved: Moved) -> bool:
    """Tell whether a unit is elsewhere now: a test as a test that is no more off than it was."""
    tests, offs = ((True,), (False, unit.off)) if unit.is_test else ((True, False), (True, False))
    return any((unit.body, test, off) in moved for test in tests for off in offs)


def deleted_file(path: str, old: TestCode, moved: Moved) -> Iterator[IntegrityFlag]:
    """Yield one flag for a file whose tests are gone with it."""
    gone = [unit.leaf for unit in old.tests if not _is_moved(unit, moved)]
    if gone:
        plural = "s" * (len(gone) != 1)
        text = f"{len(gone)} test{plural} removed with the whole file: {_cut(', '.join(gone))}"
        yield IntegrityFlag(path, 1, "deleted", text, gone[0] if len(gone) == 1 else "")


def added_marks(path: str, old: TestCode | None, new: TestCode) -> Iterator[IntegrityFlag]:
    """Yield what now skips, focuses or mocks; in a test that is itself new, only what reaches others."""
    known = Counter((mark.kind, mark.text, mark.owner) for mark in (old.marks if old else ()))
    for mark in new.marks:
        key = (mark.kind, mark.text, mark.owner)
        if known[key]:
            known[key] -= 1
        elif _matters(mark, old):
            name = mark.owner.rpartition(" > ")[2]
            yield IntegrityFlag(path, mark.line, mark.kind, _said(mark, name), name)


def _matters(mark: Mark, old: TestCode | None) -> bool:
    if mark.kind == "focused":
        return True  # it turns every other test off
    if not mark.owner:
        return old is not None or mark.kind == "mocked"
    names = old.units if old is not None else {}
    return any(mark.reaches(name) for name in names)


def _said(mark: Mark, name: str) -> str:
    where = name or "the whole file"
    match mark.kind:
        case "skipped":
            return f"{where} is skipped or expected to fail: {_cut(mark.text)}"
        case "focused":
            return f"only {where} is run, all others are not: {_cut(mark.text)}"
        case "mocked":
            return f"{where} now replaces what it tests: {_cut(mark.text)}"


def _unit(path: str, before: Unit, after: Unit) -> Iterator[IntegrityFlag]:
    where = before.leaf or "the file"
    if after.depth > before.depth:
        text = f"{where} is defined only under a condition"
        yield IntegrityFlag(path, after.line, "skipped", text, before.leaf)
    flagged = False
    for flag in _assertions(path, before, after, where):
        flagged = True
        yield flag
    gone = before.literals - after.literals
    if gone and not flagged:
        text = f"{where}: {_cut(', '.join(sorted(gone)))} is no longer there; a test's data changed"
        yield IntegrityFlag(path, after.line, "expected", text, before.leaf)


def _assertions(path: str, before: Unit, after: Unit, where: str) -> Iterator[IntegrityFlag]:
    old, new = _without_common(before.assertions, after.assertions)
    for assertion in old:
        best = max(new, key=lambda other: _likeness(assertion, other), default=None)
        if best is None or (_likeness(assertion, best) < _ALIKE and len(new) < len(old)):
            if assertion.strength > NOTHING:
                text = f"{where} no longer asserts `{_cut(assertion.text)}`"
                yield IntegrityFlag(path, after.line, "weakened", text, before.leaf)
            continue
        new.remove(best)
        if problem := _loss(assertion, best):
            kind = "expected" if problem.startswith("expects") else "weakened"
            yield IntegrityFlag(path, best.line, kind, f"{where} {problem}", before.leaf)


def _without_common(old: list[Assertion], new: list[Assertion]) -> tuple[list[Assertion], list[Assertion]]:
    """Take out the assertions that stand on both sides, awaited as before and under no more conditions."""
    left, rest = list[Assertion](), sorted(new, key=lambda one: one.depth)
    for assertion in sorted(old, key=lambda one: -one.depth):
        same = [one for one in rest if one.text == assertion.text and not _less(assertion, one)]
        if same:
            rest.remove(same[-1])
        else:
            left.append(assertion)
    return sorted(left, key=lambda one: one.line), rest


def _less(old: Assertion, new: Assertion) -> bool:
    return new.depth > old.depth or (old.awaited and not new.awaited)


def _likeness(one: Assertion, other: Assertion) -> float:
    return difflib.SequenceMatcher(None, one.text, other.text).ratio()


def _loss(old: Assertion, new: Assertion) -> str:
    """Say what an assertion's new form does not say any more; empty when it says as much."""
    change = f"`{_cut(old.text)}` became `{_cut(new.text)}`"
    if new.strength < old.strength:
        return f"asserts {_STRENGTHS[new.strength]}: {change}"
    if new.depth > old.depth:
        return f"asserts under a condition: `{_cut(new.text)}`"
    if old.awaited and not new.awaited:
        return f"no longer waits for `{_cut(new.text)}`"
    if old.strength == new.strength and _denies(old) != _denies(new):
        return f"expects the opposite: {change}"
    gone, added = old.literals - new.literals, new.literals - old.literals
    if new.strength > old.strength:
        gone = Counter(word for word in gone.elements() if word not in ORDERS)
    loose = old.strength == PARTLY and any(word in old.text.lower() for word in _LOOSE)
    if loose and (gone or added):
        return f"has another tolerance: {change}"
    return f"expects something else: {change}" if gone else ""


def _denies(assertion: Assertion) -> bool:
    """Tell whether an assertion says that something is not so; what is denied twice is so."""
    return len(_NOT.findall(_TEXTS.sub("", assertion.text))) % 2 == 1


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
