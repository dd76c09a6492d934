"""The base's own tests against an edit that changes tests: evidence that the edit cannot have touched."""

from anyio import to_thread

from moot.agent.core.events import EvidenceFound
from moot.agent.core.types import Candidate, FileChange, Patch
from moot.agent.core.verification import unasked
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.graph.suite import run_tests
from moot.agent.verify.compare import compare, restricted

__all__ = ["run_base_tests"]

_SETTINGS = ("runner", "ci", "coverage")


async def run_base_tests(candidate: Candidate, state: RunState, deps: Deps) -> str:
    """Put the flagged files back as they were, run their tests, and say in a sentence what they say.

    Returns nothing where that tells nothing: no tests ran on the base, or only product code is flagged.
    """
    before, flagged = state["before"], {flag.path for flag in unasked(candidate.flags)}
    if before is None or deps.runner is None:
        return ""
    patch, commit = await to_thread.run_sync(_restored, candidate, flagged, state, deps)
    if not patch.changes:
        return ""
    settings = any(flag.kind in _SETTINGS for flag in unasked(candidate.flags))
    tests = frozenset(case.id for case in before.cases if case.file in flagged)
    only = frozenset[str]() if settings else tests
    overlay = Candidate(f"{candidate.id} with the base's tests", commit, candidate.generator, "")
    report = await run_tests(overlay, state, deps, only)
    verdict = compare(restricted(before, only) if only else before, report, flaky=state.get("flaky", ()))
    said = "they pass" if verdict.verified else verdict.reason
    text = f"with the tests as they were before the edit: {said}"
    deps.emit(EvidenceFound(f"{candidate.id}/base-tests", candidate.id, text))
    return text


def _restored(candidate: Candidate, flagged: set[str], state: RunState, deps: Deps) -> tuple[Patch, str]:
    """Commit the candidate with the flagged files of the base; blocks."""
    base = {entry.path: entry for entry in deps.repository.files(state["base"])}
    now = {entry.path: entry for entry in deps.repository.files(candidate.commit)}
    changes: list[FileChange] = []
    for path in sorted(flagged):
        old, new = base.get(path), now.get(path)
        if (old.blob if old else None) != (new.blob if new else None):
            content = deps.repository.read(old.blob) if old is not None else None
            mode = old.mode if old is not None else "100644"
            changes.append(FileChange(path, new.blob if new else None, content, mode))
    patch = Patch(tuple(changes))
    if not changes:
        return patch, candidate.commit
    return patch, deps.repository.commit(candidate.commit, patch, "Put the tests back")
