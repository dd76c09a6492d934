"""What is around a candidate, beside its size, that tells how likely it is wrong."""

from collections.abc import Mapping

from anyio import to_thread

from moot.agent.core.testfiles import is_test
from moot.agent.core.types import Candidate, Risk
from moot.agent.graph.contents import Change, changes
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.risk.assess import assess
from moot.agent.risk.features import Surroundings
from moot.agent.risk.past import MOST_COMMITS, FileHistory, file_history
from moot.agent.risk.touched import api_changes, old_spans, touched_names
from moot.agent.syntax import language_of

__all__ = ["disagreement", "rate"]

_MOST_FILES = 10
"""Changed files whose definitions are looked at."""


def disagreement(state: RunState) -> float | None:
    """Return how far the samples of the round are from being one edit; None where there is but one."""
    candidates = [one for one in state.get("candidates", ()) if one.generator == "chat"]
    votes = state.get("votes", {})
    applied = sum(votes.get(one.id, 1) for one in candidates)
    return (len(candidates) - 1) / (applied - 1) if candidates and applied > 1 else None


async def rate(candidate: Candidate, state: RunState, deps: Deps) -> Risk:
    """Return a candidate's risk by all that is known of it."""
    around = await to_thread.run_sync(_surroundings, candidate, state, deps)
    return assess(candidate.deltas, candidate.flags, around, deps.learned)


def _surroundings(candidate: Candidate, state: RunState, deps: Deps) -> Surroundings:
    found = changes(candidate, state, deps)
    sources = {path: each for path, each in found.items() if language_of(path) and not is_test(path)}
    first = dict(list(sources.items())[:_MOST_FILES])
    return Surroundings(
        past=_past(state["base"], deps),
        fan_in=_fan_in(first, set(found), deps),
        uncovered=_uncovered(candidate, set(sources), state, deps),
        disagreement=state.get("disagreement"),
        api=tuple(text for path, each in first.items() for text in _api(path, each, deps)),
    )


def _past(base: str, deps: Deps) -> FileHistory:
    """Return what the history says of files; it is read once in a run."""
    if base not in deps.past:
        deps.past[base] = file_history(deps.repository.log(base, MOST_COMMITS))
    return deps.past[base]


def _fan_in(sources: Mapping[str, Change], touched: set[str], deps: Deps) -> tuple[str, int] | None:
    """Return the touched definition that most other files name, and how many do."""
    names = dict[str, int]()
    for path, each in sources.items():
        spans = old_spans(each.old or b"", each.new or b"")
        for name in touched_names(deps.index.symbols(path), spans):
            names[name] = len(set(deps.index.referring(name)) - touched)
    return max(names.items(), key=lambda pair: pair[1], default=("", 0))


def _api(path: str, each: Change, deps: Deps) -> list[str]:
    if each.old is None or each.new is None:
        return []
    return list(api_changes(path, deps.index.outline(path, each.old), deps.index.outline(path, each.new)))


def _uncovered(candidate: Candidate, sources: set[str], state: RunState, deps: Deps) -> float | None:
    """Return the share of added lines in files that no test is known to execute or to import.

    None where the runner names no files of tests, or only new files are changed.
    """
    before = state.get("before")
    tests = {case.file for case in before.cases if case.file} if before is not None else set[str]()
    known = [delta for delta in candidate.deltas if delta.path in sources and delta.existed and delta.added]
    if not tests or not known:
        return None
    executed = dict(state["localisation"].executed) if state.get("localisation") else {}
    missed = sum(
        delta.added
        for delta in known
        if delta.path not in tests  # Rust's and doctests stand in the code itself
        and not executed.get(delta.path)
        and tests.isdisjoint(deps.index.dependents([delta.path]))
    )
    return missed / sum(delta.added for delta in known)
