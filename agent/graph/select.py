"""Which survivor of the gate is to be preferred: by evidence, then likelihood under the model, then size.

Among those that were seen to behave alike the shortest is taken: a likelihood is a mean over tokens, which a
condition gains by a predictable tail that changes nothing.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from anyio import to_thread

from moot.agent.core.behaviour import Selection, Survivor
from moot.agent.core.events import EvidenceFound
from moot.agent.core.types import Candidate
from moot.agent.fusion.best_of import Contestant
from moot.agent.graph.borrowings import borrowings
from moot.agent.graph.contents import Change, changes
from moot.agent.graph.deps import Deps
from moot.agent.graph.probe import Probed, probe
from moot.agent.graph.state import RunState
from moot.agent.repair.behaviour import Objection
from moot.agent.repair.changed import new_objections, one_line, written

__all__ = ["chosen_first", "objections", "select"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A survivor with all that is known of it."""

    contestant: Contestant
    survivor: Survivor
    agreement: int
    written: int

    @property
    def evidence(self) -> tuple[int, int, int]:
        """The better of two has the smaller: tests, objections, and how many behave alike."""
        return -self.survivor.fixed, self.survivor.weight, -self.agreement

    @property
    def size(self) -> tuple[int, int]:
        """Lines that are changed, then characters that are added."""
        return self.survivor.changed, self.written


async def select(
    alive: Sequence[Contestant], state: RunState, deps: Deps
) -> tuple[list[Contestant], Selection]:
    """Return survivors, the best first, and how they differ."""
    files = {one.candidate.id: await to_thread.run_sync(changes, one.candidate, state, deps) for one in alive}
    probed = await probe(files, state, deps)
    groups = _groups(alive, probed)
    fitted = await borrowings([one.candidate for one in alive], state, deps)
    seen = [_see(one, files[one.candidate.id], groups, probed, fitted[one.candidate.id]) for one in alive]
    ranked = _ranked(seen, probed.groups is not None)
    for each in ranked:
        for text in each.survivor.objections:
            name = each.survivor.id
            deps.emit(EvidenceFound(f"{name}/behaviour", name, text))
    survivors = tuple(each.survivor for each in ranked)
    tested, count = len(state["candidates"]), len(set(groups.values()))
    calls = probed.behaviour.calls if probed.behaviour is not None else 0
    selection = Selection(tested, survivors, count, probed.differences, probed.note, calls)
    return [each.contestant for each in ranked], selection


async def objections(alive: Sequence[Contestant], state: RunState, deps: Deps) -> Mapping[str, int]:
    """Return the weight of what speaks against the behaviour of each, where all are run beside each other."""
    _, selection = await select(alive, state, deps)
    return {one.id: one.weight for one in selection.survivors}


def chosen_first(selection: Selection | None, candidate: Candidate) -> Selection | None:
    """Return a selection with the chosen candidate first; None where it does not know that."""
    if selection is None or all(one.id != candidate.id for one in selection.survivors):
        return None
    order = sorted(selection.survivors, key=lambda one: one.id != candidate.id)
    return replace(selection, survivors=tuple(order))


def _groups(alive: Sequence[Contestant], probed: Probed) -> Mapping[str, int]:
    """Return the number of each survivor's group; what was not compared is told apart by its tests alone."""
    members: Iterable[Sequence[str]] | None = probed.groups
    if members is None:
        by_tests: dict[frozenset[str], list[str]] = {}
        for one in alive:
            by_tests.setdefault(one.report.passed, []).append(one.candidate.id)
        members = by_tests.values()
    return {name: number for number, names in enumerate(members, start=1) for name in names}


def _see(
    one: Contestant,
    files: Mapping[str, Change],
    groups: Mapping[str, int],
    probed: Probed,
    fitted: Sequence[str],
) -> _Seen:
    """Enter what speaks against a survivor; `fitted`: values that it has of the failing test alone."""
    candidate = one.candidate
    found = list(probed.objections(candidate.id))
    if len(groups) > 1:
        found += [Objection(text) for text in _undocumented(files)]
    if fitted and not any(each.names_input for each in found):
        text = f"it names {', '.join(map(repr, fitted))} as the failing test does"
        found.append(Objection(text, names_input=True))
    survivor = Survivor(
        candidate.id,
        "; ".join(one_line(path, each.old or b"", each.new or b"") for path, each in files.items()),
        groups[candidate.id],
        len(one.delta.fixed),
        tuple(each.text for each in found),
        sum(each.weight for each in found),
        candidate.logprob,
        candidate.changed,
        any(each.names_input or each.departs for each in found),
    )
    agreement = sum(number == groups[candidate.id] for number in groups.values())
    added = sum(written(each.old or b"", each.new or b"") for each in files.values())
    return _Seen(one, survivor, agreement, added)


def _ranked(seen: Sequence[_Seen], compared: bool) -> list[_Seen]:
    """Return survivors, the best first; those of a group together where their behaviour was compared."""
    if any(each.survivor.logprob == 0.0 for each in seen):  # likelihoods tell only where all are known
        return sorted(seen, key=lambda each: (*each.evidence, each.size))
    if not compared:
        return sorted(seen, key=lambda each: (*each.evidence, -each.survivor.logprob, each.size))
    best: dict[int, float] = {}
    for each in seen:
        group = each.survivor.group
        best[group] = max(best.get(group, -math.inf), each.survivor.logprob)
    return sorted(seen, key=lambda each: (*each.evidence, -best[each.survivor.group], each.size))


def _undocumented(files: Mapping[str, Change]) -> list[str]:
    return [
        text
        for path, change in files.items()
        if path.endswith(".py") and change.old is not None and change.new is not None
        for text in new_objections(change.old, change.new)
    ]
