"""Which tests to run first, and which more fit into a time budget."""

import posixpath
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from moot.agent.core.commands import TestReport

__all__ = ["Order", "order", "within"]

_WORTH = 2.0
"""Seconds of a suite below which all of it runs at once: starting a runner twice would cost more."""

_UNKNOWN = 0.1
"""Seconds that a test is taken to need where its runner does not say."""


@dataclass(frozen=True, slots=True)
class Order:
    """Ids of the tests to run first, and of all others."""

    first: tuple[str, ...]
    rest: tuple[str, ...]


def order(
    before: TestReport, dependents: Collection[str], executing: Collection[str], always: bool = False
) -> Order | None:
    """Put first what failed before and what an edit can affect.

    Args:
        before: the run on the base.
        dependents: files that the edit changes, and files that depend on those.
        executing: tests that are known to execute a changed file.
        always: plan even where running everything at once looks as good.

    Returns:
        None when running everything at once is as good: the suite is quick, single tests are not known,
        or none or most of them are affected.
    """
    if not before.cases or (before.seconds < _WORTH and not always):
        return None
    wanted = before.failed | frozenset(executing)
    # Go's tests are in the package of what they test, which no import says.
    near = {posixpath.dirname(path) for path in dependents if path.endswith(".go")}
    first = [
        case.id
        for case in before.cases
        if case.id in wanted
        or case.file in dependents
        or (case.file.endswith(".go") and posixpath.dirname(case.file) in near)
    ]
    if not always and (not first or len(first) * 2 > len(before.cases)):
        return None
    first = first or [before.cases[0].id]
    chosen = frozenset(first)
    return Order(tuple(first), tuple(case.id for case in before.cases if case.id not in chosen))


def within(
    before: TestReport, tests: Sequence[str], seconds: float
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the tests that fit into so many seconds by their times on the base, and the others."""
    times = {case.id: case.seconds or _UNKNOWN for case in before.cases}
    overhead = max(0.0, before.seconds - sum(times.values()))
    left, chosen = seconds - overhead, set[str]()
    for name in sorted(tests, key=lambda name: times.get(name, _UNKNOWN)):
        left -= times.get(name, _UNKNOWN)
        if left < 0:
            break
        chosen.add(name)
    return tuple(n for n in tests if n in chosen), tuple(n for n in tests if n not in chosen)
