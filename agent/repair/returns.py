"""Compares what changed functions return in the tests, with the base and with each survivor.

A patch should leave the runs of tests that passed as they were: PATCH-SIM (Xiong et al., ICSE 2018) tells
patches that are fitted to the failing test by this. There the paths of whole runs are compared; here, what
the changed functions return, which a change of form leaves alone.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from moot.agent.core.calls import Returns
from moot.agent.repair.behaviour import Objection

__all__ = ["Watched", "compare_returns"]

Key = tuple[str, int]
"""A test, and the number of a function."""


@dataclass(frozen=True, slots=True)
class Watched:
    """Survivors that behave alike in the tests, what speaks against each, and in how many tests.

    Attributes:
        departures: of those that return something else in a test that passes with the base.
        tests: those in which a changed function returned the same twice with the base.
    """

    groups: tuple[tuple[str, ...], ...]
    departures: Mapping[str, Objection]
    tests: int


def compare_returns(
    base: Sequence[Returns],
    again: Sequence[Returns],
    survivors: Mapping[str, Sequence[Returns]],
    passing: Collection[str],
    names: Sequence[str],
) -> Watched:
    """Compare what functions returned.

    Args:
        base, again: with the files before any edit, twice: what differs there is left out.
        survivors: with each candidate's.
        passing: tests that pass with the base.
        names: of the functions.
    """
    first, second = _by_key(base, names), _by_key(again, names)
    steady = [key for key, seen in first.items() if key in second and _same(seen, second[key])]
    others = {name: _by_key(seen, names) for name, seen in survivors.items()}
    groups: dict[tuple[object, ...], list[str]] = {}
    for name, seen in others.items():
        groups.setdefault(tuple(_form(seen.get(key)) for key in steady), []).append(name)
    departures: dict[str, Objection] = {}
    for name, seen in others.items():
        departs = (key for key in steady if key[0] in passing and not _same(first[key], seen.get(key)))
        if key := next(departs, None):
            departures[name] = Objection(_told(names[key[1]], first[key], seen.get(key)), departs=True)
    return Watched(tuple(map(tuple, groups.values())), departures, len({test for test, _ in steady}))


def _by_key(seen: Sequence[Returns], names: Sequence[str]) -> Mapping[Key, Returns]:
    """Leave out what is said of functions that there are not: code under test can say what it likes."""
    return {(one.test, one.function): one for one in seen if 0 <= one.function < len(names)}


def _form(seen: Returns | None) -> object:
    return seen and (seen.count, tuple(digest for digest, _ in seen.values))


def _same(one: Returns, other: Returns | None) -> bool:
    return _form(one) == _form(other)


def _told(name: str, base: Returns, seen: Returns | None) -> str:
    """Say where a survivor departs first: in a value, else in how often it returned."""
    place = f"in {base.test}, which passed, {name}"
    if seen is None:
        return f"{place} is not called"
    for (old, was), (new, now) in zip(base.values, seen.values, strict=False):
        if old != new:
            return f"{place} returns {now} in place of {was}"
    return f"{place} returns {seen.count} times in place of {base.count}"
