"""What the repository's own linters and type checkers find in a candidate and not in the base."""

from collections.abc import Sequence

from anyio import to_thread

from moot.agent.core.events import EvidenceFound
from moot.agent.core.types import Candidate, TreeEntry
from moot.agent.core.verification import Finding, LintDelta
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.verify.ecosystems.found import Files
from moot.agent.verify.lint.delta import appeared, suppressions
from moot.agent.verify.lint.linter import Report
from moot.agent.verify.lint.plan import Job, plan

__all__ = ["new_findings"]

_SECONDS = 120.0
"""The longest that one checker may take."""

_FILES = ("100644", "100755")


async def new_findings(candidate: Candidate, state: RunState, deps: Deps) -> LintDelta | None:
    """Check a candidate; where something is found, check the base too and count what is new.

    Returns:
        None when the user wants none of it, or no checker that the repository uses reads the changed files.
    """
    if deps.linter is None:
        return None
    jobs, notes = await to_thread.run_sync(_plan, candidate, state, deps)
    checked, new = list[str](), list[Finding]()
    reports = [(job, await _run(job, candidate.commit, deps)) for job in jobs]
    for job, now in reports:
        before = await _run(job, state["base"], deps) if now.findings else Report()
        if failure := now.failure or before.failure:
            notes.append(f"{job.checker.name} {failure}")
            continue
        checked.append(job.checker.name)
        new += appeared(before.findings, now.findings)
    if not checked and not notes:
        return None
    if checked:
        new += await to_thread.run_sync(_silenced, candidate, state, deps)
    delta = LintDelta(tuple(dict.fromkeys(checked)), tuple(new), tuple(dict.fromkeys(notes)))
    deps.emit(EvidenceFound(f"{candidate.id}/lint", candidate.id, _summary(delta)))
    return delta


def _plan(candidate: Candidate, state: RunState, deps: Deps) -> tuple[list[Job], list[str]]:
    """Return what to run, without checkers whose settings the edit changes: their answers would differ."""
    changed = [delta.path for delta in candidate.deltas]
    base, now = _files(state["base"], deps), _files(candidate.commit, deps)
    jobs: list[Job] = []
    notes: list[str] = []
    for job in plan(base, changed, deps.index.dependents(changed)):
        settings = next((path for path in changed if _reconfigures(job, path, base, now)), None)
        if settings is None:
            jobs.append(job)
        else:
            notes.append(f"{job.checker.name} was not compared: the edit changes its settings in {settings}")
    return jobs, notes


def _reconfigures(job: Job, path: str, base: Files, now: Files) -> bool:
    checker, name = job.checker, path.rpartition("/")[2]
    before, after = (checker.settings_in(name, lambda files=files: files.text(path)) for files in (base, now))
    return before != after and not checker.marked


def _files(commit: str, deps: Deps) -> Files:
    entries = {entry.path: entry for entry in _entries(commit, deps)}
    return Files(entries, lambda path: deps.repository.read(entries[path].blob))


def _entries(commit: str, deps: Deps) -> Sequence[TreeEntry]:
    return [entry for entry in deps.repository.files(commit) if entry.mode in _FILES]


async def _run(job: Job, commit: str, deps: Deps) -> Report:
    """Run a checker on a commit, once for all candidates that ask the same."""
    key = (commit, job)
    if key not in deps.linted:
        assert deps.linter is not None
        deps.limits.check()
        await to_thread.run_sync(deps.repository.checkout, commit, deps.workspace)
        seconds = min(_SECONDS, deps.settings.test_timeout, deps.limits.seconds_left)
        deps.linted[key] = await deps.linter.run(job, deps.workspace, seconds)
    return deps.linted[key]


def _silenced(candidate: Candidate, state: RunState, deps: Deps) -> list[Finding]:
    """Return comments in the changed files that silence a checker and are not in the base."""
    both: list[list[Finding]] = []
    for commit in (state["base"], candidate.commit):
        files = _files(commit, deps)
        paths = [delta.path for delta in candidate.deltas]
        both.append([found for path in paths for found in suppressions(path, files.text(path))])
    return appeared(*both)


def _summary(delta: LintDelta) -> str:
    said = f"{', '.join(delta.checkers) or 'no checker'}: {len(delta.new)} new findings"
    return "; ".join([said, *delta.notes])
