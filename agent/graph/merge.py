"""Merges patches that pass: what is apart is put together, a model helps only where they overlap."""

from anyio import to_thread

from moot.agent.core.errors import EditRejected
from moot.agent.core.events import CandidateProposed
from moot.agent.core.messages import ChatMessage
from moot.agent.core.types import Candidate, FileChange, Patch
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.decide import Decision, stands
from moot.agent.fusion.patches import Findings, covers
from moot.agent.fusion.seat import Table
from moot.agent.graph.beside import gate_beside
from moot.agent.graph.commit import commit_patch
from moot.agent.graph.debate import Argued, Field
from moot.agent.graph.deps import Deps
from moot.agent.graph.judging import answer, gate_rows, judge_patches
from moot.agent.graph.revise import ask_edit
from moot.agent.graph.select import objections
from moot.agent.graph.state import Draft, RunState
from moot.prompts import render

__all__ = ["merge_patches"]


async def merge_patches(field: Field, state: RunState, deps: Deps, seats: Table) -> Argued:
    """Merge the others into the leader; what comes of it is a new candidate, which the judge may refuse."""
    findings = Findings(field.objections)
    merged, overlapping, notes = field.leader, list[Contestant](), list[str]()
    for other in field.others:
        new = await _apart(merged, other, state, deps)
        if new is None:
            overlapping.append(other)
        elif isinstance(new, str):
            notes.append(new)
        elif covers(new, merged, findings):
            merged = new
        else:
            notes.append(f"{other.candidate.id} is left out of the merge: with it, {new.reason}")
    notes += [f"{one.candidate.id} overlaps too and is left out of the merge" for one in overlapping[1:]]
    if overlapping:
        new = await _helped(merged, overlapping[0], state, deps, seats)
        if isinstance(new, str):
            notes.append(new)
        elif new.candidate.id == merged.candidate.id:
            notes.append("the model finds nothing to merge")
        elif covers(new, merged, findings):
            merged = new
        else:
            notes.append(f"the patch that a model merged is left out: {new.reason}")
    if merged is field.leader:
        stays = Decision(field.leader.candidate.id, "nothing could be merged")
        return Argued(stays, {}, field.rows, (), (), tuple(notes))
    return await _checked(merged, field, tuple(notes), state, deps, seats)


async def _checked(
    merged: Contestant, field: Field, notes: tuple[str, ...], state: RunState, deps: Deps, seats: Table
) -> Argued:
    """Take the merged patch, which was asked for, unless the judge prefers the leader."""
    name, leader = merged.candidate.id, field.leader.candidate.id
    rows, pair = (*field.rows, *gate_rows([merged], 2)), (field.leader, merged)
    if not covers(merged, field.leader, Findings(await objections(pair, state, deps))):
        decision = Decision(leader, "more speaks against what the merged patch does, so the leader stays")
        return Argued(decision, {leader: merged}, rows, (), (), notes)
    rulings, failures = await judge_patches(pair, {name: 1, leader: 1}, rows, state, deps, seats)
    notes = (*notes, *failures)
    if rulings and stands(rulings[0].challenge, deps.council.criteria.threshold):
        reason = "it is merged of patches that pass, passes what they pass, and the judge does not object"
        decision = Decision(name, reason)
    else:
        decision = Decision(leader, "the judge does not find the merged patch as good, so the leader stays")
    return Argued(decision, {leader: merged}, rows, (), rulings, notes)


async def _apart(
    first: Contestant, second: Contestant, state: RunState, deps: Deps
) -> Contestant | str | None:
    """Return both as one candidate, as the gate judges it, or why it does not; None where they overlap."""
    candidate = await to_thread.run_sync(_together, first.candidate, second.candidate, state, deps)
    if candidate is None:
        return None
    if candidate.commit not in deps.judged:
        deps.emit(CandidateProposed(candidate))
    return await gate_beside(candidate, state, deps)


def _together(first: Candidate, second: Candidate, state: RunState, deps: Deps) -> Candidate | None:
    """Commit both as one; where one has all of the other it is that one. Blocks."""
    repository, base = deps.repository, state["base"]
    tree = repository.merge(base, first.commit, second.commit)
    if tree is None:
        return None
    paths = sorted({delta.path for one in (first, second) for delta in one.deltas})
    old = {entry.path: entry for entry in repository.files(base, paths)}
    new = {entry.path: entry for entry in repository.files(tree, paths)}
    changes = [
        FileChange(
            path,
            old[path].blob if path in old else None,
            repository.read(new[path].blob) if path in new else None,
            (new.get(path) or old[path]).mode,
        )
        for path in paths
        if (path in new or path in old) and new.get(path) != old.get(path)
    ]
    draft = Draft(f"{first.id}+{second.id}", "merge", "", (first.logprob + second.logprob) / 2)
    try:
        candidate = commit_patch(draft, Patch(tuple(changes)), state, deps)
    except EditRejected:
        return None
    return next((one for one in (first, second) if one.commit == candidate.commit), candidate)


async def _helped(
    first: Contestant, second: Contestant, state: RunState, deps: Deps, seats: Table
) -> Contestant | str:
    """Have the run's model write one patch of two that overlap."""
    one, other = [(await answer(each, 1.0, state, deps)).text for each in (first, second)]
    said = (
        ChatMessage("assistant", f"```diff\n{one}```"),
        ChatMessage("user", render("fusion_merge_patch", other=other)),
    )
    name = f"{first.candidate.id}+{second.candidate.id}-merged"
    return await ask_edit(name, "", said, "merge", state, deps, seats)
