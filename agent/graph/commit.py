"""Drafts -> commits in the private workspace, or a reason for the model."""

from collections.abc import Sequence

from moot.agent.core.errors import EditRejected
from moot.agent.core.events import CandidateProposed, CandidateRejected
from moot.agent.core.types import Candidate, Patch
from moot.agent.core.verification import IntegrityFlag
from moot.agent.edits.answer import parse_answer
from moot.agent.edits.apply import Base, build_patch
from moot.agent.edits.measure import measure
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import Draft, RunState, is_chat
from moot.agent.risk.asked import mark_asked
from moot.agent.risk.integrity import inspect, versions
from moot.agent.syntax import syntax_errors

__all__ = ["commit_draft", "commit_drafts", "commit_patch"]

_REPEATED = "the same edit was tried before"


def commit_drafts(
    drafts: Sequence[Draft], state: RunState, deps: Deps, beside: Sequence[Candidate] = ()
) -> RunState:
    """Return the candidates among the drafts; one that was tried before is dropped. Blocks.

    What the model has to know is of chat answers: those of other generators leave it as it is.

    Args:
        drafts: what was written.
        state: of the run.
        deps: of the run.
        beside: earlier candidates of the same round, for which the same edit is a further vote.
    """
    base = _base(state, deps)
    seen, candidates, feedback = list(state["seen"]), list[Candidate](), ""
    votes = {one.id: state.get("votes", {}).get(one.id, 1) for one in beside}
    weights = {one.id: state.get("weights", {}).get(one.id, 1.0) for one in beside}
    for draft in drafts:
        try:
            candidate = _commit(draft, state, base, deps)
        except EditRejected as exc:
            feedback = feedback or str(exc)
            deps.emit(CandidateRejected(draft.id, str(exc)))
            continue
        if candidate.commit in seen:
            for one in (*beside, *candidates):
                if one.commit == candidate.commit:
                    votes[one.id] += 1
                    weights[one.id] += _weight(draft, deps)
            feedback = feedback or f"{_REPEATED}: make another one"
            deps.emit(CandidateRejected(draft.id, _REPEATED))
            continue
        seen.append(candidate.commit)
        candidates.append(candidate)
        votes[candidate.id], weights[candidate.id] = 1, _weight(draft, deps)
        deps.emit(CandidateProposed(candidate))
    update: RunState = {
        "candidates": tuple(candidates),
        "votes": votes,
        "weights": weights,
        "seen": tuple(seen),
    }
    return {**update, "feedback": "" if candidates else feedback} if is_chat(drafts) else update


def commit_draft(draft: Draft, state: RunState, deps: Deps) -> Candidate:
    """Return the candidate of one draft, whether it was tried before or not. Blocks.

    Raises:
        EditRejected: it does not apply.
    """
    return _commit(draft, state, _base(state, deps), deps)


def _weight(draft: Draft, deps: Deps) -> float:
    """Return for how much an answer counts: the odds that the settings give its author, or an infill."""
    weights = {one.name: one.weight for one in deps.council.others}
    by_author = weights.get(draft.author, deps.council.own.weight)
    return by_author * (deps.settings.infill_weight if draft.generator == "fim" else 1.0)


def _base(state: RunState, deps: Deps) -> Base:
    entries = {entry.path: entry for entry in deps.repository.files(state["base"])}
    return Base(entries, deps.repository.read, deps.index.outline, syntax_errors)


def _commit(draft: Draft, state: RunState, base: Base, deps: Deps) -> Candidate:
    edits = [draft.edit] if draft.edit is not None else parse_answer(draft.text, cut=draft.cut)
    return commit_patch(draft, build_patch(edits, base), state, deps)


def commit_patch(draft: Draft, patch: Patch, state: RunState, deps: Deps) -> Candidate:
    """Return the candidate of a draft whose patch is known. Blocks."""
    read = deps.repository.read
    deltas = measure(patch, read)
    title = state["task"].text.strip().splitlines()[0][:72]
    commit = deps.repository.commit(state["base"], patch, title)
    changed = ", ".join(f"{delta.path} +{delta.added} -{delta.removed}" for delta in deltas)
    flags = _flags(patch, state, deps)
    return Candidate(draft.id, commit, draft.generator, changed, draft.logprob, deltas, flags)


def _flags(patch: Patch, state: RunState, deps: Deps) -> tuple[IntegrityFlag, ...]:
    """Return what the patch takes from the tests, with what the task asks for marked."""
    before = state["before"]
    tests = {case.file for case in before.cases if case.file} if before is not None else set[str]()
    flags = inspect(versions(patch, deps.repository.read), tests)
    return mark_asked(flags, state["task"].text, deps.settings.allow_test_changes)
