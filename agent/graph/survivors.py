"""The first check: which candidates fix a failing test, and two that fix different ones as one."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anyio import to_thread

from moot.agent.core.events import CandidateProposed, CandidateRejected
from moot.agent.core.types import Candidate, FileChange, Patch
from moot.agent.graph.commit import commit_patch
from moot.agent.graph.contents import Change, changes
from moot.agent.graph.deps import STILL_FAILING, Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.filter import filter_warm, longest
from moot.agent.graph.gate import is_known, run_targets
from moot.agent.graph.state import Draft, RunState
from moot.agent.repair.compose import compose
from moot.agent.repair.infill import normalised
from moot.agent.repair.source import Source

__all__ = ["find_survivors"]

_MOST_PAIRS = 3
"""Pairs of candidates that are tried together."""


@dataclass(frozen=True, slots=True)
class _Fix:
    """A candidate, the failing tests that pass with it, and the files that it changes."""

    candidate: Candidate
    tests: frozenset[str]
    files: Mapping[str, Change]


async def find_survivors(state: RunState, deps: Deps, beyond: int = 0) -> list[tuple[Candidate, ...]]:
    """Return distinct candidates that fix a failing test, the most fixed first, then the likeliest.

    Each is followed by those that differ from it in comments and layout alone. A single candidate that has
    nothing to be joined with, or passes as it is, and every one where no single test is known to fail, goes
    on to the whole command: there the first check would tell nothing more.

    Args:
        state: of the run.
        deps: of the run.
        beyond: survivors that are known already: as many as are compared are looked for beside them.
    """
    candidates = state["candidates"]
    if deps.runner is None or (len(candidates) == 1 and not _may_be_joined(candidates[0], deps)):
        return [(one,) for one in candidates]
    if not wanted(state):
        return _distinct([await _fix(one, frozenset(), state, deps) for one in candidates])
    fixes = await _check(state, deps, beyond + deps.settings.survivors)
    if fixes and not any(fix.tests >= wanted(state) for fix in fixes):
        fixes += await _compose(fixes, state, deps)
    fixes.sort(key=lambda fix: (-len(fix.tests), -fix.candidate.logprob, fix.candidate.changed))
    return _distinct(fixes)


def _may_be_joined(candidate: Candidate, deps: Deps) -> bool:
    """Tell whether one that is alone may be joined with one of before: where it passes it was chosen."""
    judged = deps.judged.get(candidate.commit)
    return bool(deps.partial) and (judged is None or not judged.verified)


async def _check(state: RunState, deps: Deps, enough: int) -> list[_Fix]:
    """Run the failing tests on each candidate until so many fix all of them."""
    unknown = [one for one in state["candidates"] if not is_known(one, state, deps)]
    told = {commit for commit, said in deps.filtered.items() if said.tests is not None}
    warm = await filter_warm(unknown, state, deps)
    fixes: list[_Fix] = []
    for candidate in state["candidates"]:
        answer = warm.get(candidate.id)
        fixed = answer.tests if answer is not None else None
        if fixed is None:
            fixed = await _cold(candidate, state, deps, late=answer is not None)
        if fixed:
            fixes.append(await _fix(candidate, fixed, state, deps))
        elif candidate in unknown and candidate.commit not in told:
            deps.emit(CandidateRejected(candidate.id, answer.reason if answer else STILL_FAILING))
        most = max((len(fix.tests) for fix in fixes), default=0)
        if sum(len(fix.tests) == most for fix in fixes) >= enough and most == len(wanted(state)):
            break
    return fixes


async def _cold(candidate: Candidate, state: RunState, deps: Deps, late: bool = False) -> frozenset[str]:
    """Run the failing tests in a process of their own; many that did not end when warm do not end here."""
    before = state["before"]
    seconds = longest(before) if late and before is not None else None
    return await run_targets(candidate, state, deps, seconds) or frozenset()


async def _fix(candidate: Candidate, tests: frozenset[str], state: RunState, deps: Deps) -> _Fix:
    return _Fix(candidate, tests, await to_thread.run_sync(changes, candidate, state, deps))


def _distinct(fixes: Sequence[_Fix]) -> list[tuple[Candidate, ...]]:
    """Take as one the candidates whose files differ in comments and layout alone: the first of them."""
    alike: dict[tuple[tuple[str, bytes], ...], list[Candidate]] = {}
    for fix in fixes:
        key = tuple(
            (path, normalised(Source.parse(path, change.new)) if change.new is not None else b"\0")
            for path, change in sorted(fix.files.items())
        )
        alike.setdefault(key, []).append(fix.candidate)
    return [tuple(candidates) for candidates in alike.values()]


# --- two at once ----------------------------------------------------------------------------


async def _compose(fixes: Sequence[_Fix], state: RunState, deps: Deps) -> list[_Fix]:
    """Try pairs that together fix more than either, and keep those that do, to be tested as any other.

    The other one of a pair may be of an earlier round of this process.
    """
    best: dict[frozenset[str], _Fix] = {}
    for fix in fixes:
        best.setdefault(fix.tests, fix)
    earlier = [
        await _fix(candidate, tests, state, deps)
        for tests, candidate in deps.partial.items()
        if tests not in best
    ]
    for fix in best.values():
        deps.partial.setdefault(fix.tests, fix.candidate)
    pairs = [
        pair
        for pair in (*itertools.combinations(best.values(), 2), *itertools.product(earlier, best.values()))
        if pair[0].tests - pair[1].tests and pair[1].tests - pair[0].tests
    ]
    pairs.sort(key=lambda pair: -len(pair[0].tests | pair[1].tests))
    found: list[_Fix] = []
    for first, second in pairs[:_MOST_PAIRS]:
        candidate = await to_thread.run_sync(_composed, first, second, state, deps)
        if candidate is None:
            continue
        deps.emit(CandidateProposed(candidate))
        fixed = await _cold(candidate, state, deps)
        if fixed > first.tests and fixed > second.tests:
            found.append(await _fix(candidate, fixed, state, deps))
        else:
            deps.emit(CandidateRejected(candidate.id, "together they fix no more than one of them"))
    return found


def _composed(first: _Fix, second: _Fix, state: RunState, deps: Deps) -> Candidate | None:
    """Commit two edits as one; None where they overlap. Blocks."""
    merged: list[FileChange] = []
    for path in sorted({*first.files, *second.files}):
        one, other = first.files.get(path), second.files.get(path)
        change = one or other
        assert change is not None
        content = change.new
        if one is not None and other is not None:
            if None in (one.old, one.new, other.new):
                return None
            content = compose(one.old or b"", one.new or b"", other.new or b"")
            if content is None:
                return None
        merged.append(FileChange(path, change.blob, content, change.mode))
    a, b = first.candidate, second.candidate
    draft = Draft(f"{a.id}+{b.id}", a.generator, "", (a.logprob + b.logprob) / 2)
    return commit_patch(draft, Patch(tuple(merged)), state, deps)
