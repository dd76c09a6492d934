"""Compares survivors by what their changed functions do, and says what speaks against each.

Passing the tests is no proof: a patch can be fitted to them. What counts here is executed, and only against
the other survivors.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from moot.agent.core.behaviour import Difference, Output
from moot.agent.core.calls import Call
from moot.agent.repair.changed import literals

__all__ = ["Behaviour", "Objection", "compare_calls"]

_MOST_SHOWN = 3
"""Differences that are reported for each pair of neighbouring groups."""

FITTED = 5
"""Weight of a special case for the failing test's input: more than all that may speak against a true fix."""

BREAKS = 2
"""Weight of what works on the base and not with a candidate, on an input that a test uses."""

DEPARTS = 1
"""Weight of another value where nothing asks for it, and of a fault on an input that no test uses."""

Key = tuple[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Objection:
    """What speaks against a survivor, in words.

    Attributes:
        names_input: it names the failing test's input.
        departs: it gives another value in tests that passed before.
    """

    text: str
    weight: int = DEPARTS
    names_input: bool = False
    departs: bool = False


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Groups of candidates that behave alike, how they differ, and what speaks against each."""

    groups: tuple[tuple[str, ...], ...]
    differences: tuple[Difference, ...]
    objections: Mapping[str, tuple[Objection, ...]]
    calls: int


@dataclass(frozen=True, slots=True)
class _Probed:
    """Calls that every version answered, and the base twice in the same way."""

    base: Mapping[Key, Call]
    survivors: Mapping[str, Mapping[Key, Call]]

    def differs(self, name: str, key: Key) -> bool:
        return self.survivors[name][key].outcome != self.base[key].outcome


def compare_calls(
    base: Sequence[Call],
    again: Sequence[Call],
    survivors: Mapping[str, Sequence[Call]],
    new_literals: Mapping[str, frozenset[str]],
    paths: Sequence[str] = (),
) -> Behaviour:
    """Compare what the same calls gave.

    Args:
        base, again: with the files before any edit, twice: what differs there is left out.
        survivors: with each candidate's.
        new_literals: literals that each candidate brings in.
        paths: files of the functions, by their numbers.
    """
    probed = _probed(base, again, survivors)
    groups: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for name, calls in probed.survivors.items():
        groups.setdefault(tuple(calls[key].outcome for key in probed.base), []).append(name)
    members = tuple(map(tuple, groups.values()))
    objections = {name: tuple(_objections(name, probed, new_literals[name])) for name in survivors}
    doctests = {name: tuple(_doctests(base, calls)) for name, calls in survivors.items()}
    return Behaviour(
        members,
        tuple(_differences(members, probed, paths)),
        {name: (*doctests[name], *objections[name]) for name in survivors},
        len(probed.base),
    )


def _probed(base: Sequence[Call], again: Sequence[Call], survivors: Mapping[str, Sequence[Call]]) -> _Probed:
    first, second = _by_key(base), _by_key(again)
    others = {name: _by_key(calls) for name, calls in survivors.items()}
    common = [
        key
        for key, call in first.items()
        if key in second
        and second[key].outcome == call.outcome
        and all(key in calls for calls in others.values())
    ]
    return _Probed({key: first[key] for key in common}, others)


def _by_key(calls: Sequence[Call]) -> Mapping[Key, Call]:
    return {(call.function, tuple(call.at)): call for call in calls if call.doctest < 0}


def _objections(name: str, probed: _Probed, new: frozenset[str]) -> Iterator[Objection]:
    own, base = probed.survivors[name], probed.base
    worked = [key for key, call in base.items() if not call.raises]
    if key := next((key for key in worked if own[key].raises), None):
        text = f"{base[key].call} {own[key].text}, where the base gives {base[key].text}"
        yield Objection(text, _breaks(key, own[key]))
    if key := next((key for key in worked if own[key].none and not base[key].none), None):
        text = f"{base[key].call} gives None, where the base gives {base[key].text}"
        yield Objection(text, _breaks(key, own[key]))
    if key := next((key for key in worked if own[key].fits is False and base[key].fits), None):
        yield Objection(f"{base[key].call} gives {own[key].text}, which is not of the annotated type")
    passing = [key for key in worked if len(key[1]) == 1 and not base[key].needed and not own[key].raises]
    departs = [key for key in passing if probed.differs(name, key)]
    if departs:
        key = departs[0]
        text = f"{base[key].call} gives {own[key].text} in place of {base[key].text}, where tests passed"
        yield Objection(text, departs=True)
    yield from _special_case(name, probed, new)


def _breaks(key: Key, call: Call) -> int:
    """A neighbour of an input may be none that the function is made for; not to end is never right."""
    return BREAKS if len(key[1]) == 1 or call.raises == "no end" else DEPARTS


def _special_case(name: str, probed: _Probed, new: frozenset[str]) -> Iterator[Objection]:
    """Object to literals of the failing tests' inputs in the edit, the more where it acts on these alone."""
    needed = [key for key, call in probed.base.items() if call.needed]
    inputs = [key for key in needed if len(key[1]) == 1]
    named = sorted(frozenset[str]().union(*(literals(_arguments(probed.base[key])) for key in inputs)) & new)
    if not named:
        return
    near = [key for key in needed if len(key[1]) > 1]
    acts = any(probed.differs(name, key) for key in near)
    others = any(probed.differs(other, key) for other in probed.survivors for key in near)
    text = f"it names {', '.join(named)} as the failing test's input does"
    if acts or not others:
        yield Objection(text, names_input=True)
    else:
        yield Objection(f"{text}, and changes nothing for inputs near that", FITTED, names_input=True)


def _arguments(call: Call) -> bytes:
    """Return the arguments as an expression, as far as the shown call has them whole."""
    return ("f" + call.call[call.call.find("(") :]).encode()


def _doctests(base: Sequence[Call], calls: Sequence[Call]) -> Iterator[Objection]:
    before = {call.doctest: call.failed for call in base if call.doctest >= 0}
    for call in calls:
        if call.doctest >= 0 and call.failed > before.get(call.doctest, call.failed):
            yield Objection("an example of the docstring does not hold any more", BREAKS)


def _differences(
    groups: Sequence[Sequence[str]], probed: _Probed, paths: Sequence[str]
) -> Iterator[Difference]:
    """Yield calls that tell the groups apart: inputs of tests first, then the shortest."""
    order = sorted(probed.base, key=lambda key: (len(key[1]), len(probed.base[key].call)))
    apart: set[tuple[tuple[str, str], ...]] = set()
    for key in order:
        outcomes = tuple(probed.survivors[group[0]][key].outcome for group in groups)
        if len(set(outcomes)) > 1 and len(apart) < _MOST_SHOWN and outcomes not in apart:
            apart.add(outcomes)
            shown = [(group[0], probed.survivors[group[0]][key].text) for group in groups]
            told = [("base", probed.base[key].text), *shown]
            path = paths[key[0]] if key[0] < len(paths) else ""
            yield Difference(probed.base[key].call, tuple(Output(*each) for each in told), path)
