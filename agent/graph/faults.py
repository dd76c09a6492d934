"""What the generators that need a failing test share: where the fault may be, and what is around it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.core.errors import EmptyAnswer
from moot.agent.core.events import Notice, SuspectsFound
from moot.agent.core.messages import ChatRequest, Completion
from moot.agent.core.ports import ModelClient
from moot.agent.core.types import TreeEntry
from moot.agent.edits.forms import ReplaceSpan
from moot.agent.fim.neighbours import neighbours
from moot.agent.fim.trim import Hole
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import Draft, RunState, start_of
from moot.agent.repair.excerpt import excerpt
from moot.agent.repair.infill import Infill
from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.peers import related_tests, request
from moot.agent.repair.source import Source
from moot.agent.screen import why_not_file
from moot.agent.verify.coverage.measure import CoverageTracer

__all__ = ["Suspected", "ask", "candidates_left", "failing_test", "signatures", "span_drafts", "suspected"]

_SUSPECTED_FILES = 12
_SIGNATURES = 600
"""Characters of what a function calls: few, so that a prompt is read quickly."""


@dataclass(frozen=True, slots=True)
class Suspected:
    """Where the fault may be.

    Attributes:
        found: suspicious lines.
        sources: path -> (blob id, bytes) of the files that hold them and may be shown.
        test: path and code of the first failing test; None where it is not known or may not be shown.
    """

    found: Localisation
    sources: Mapping[str, tuple[str, bytes]]
    failing: Sequence[TestCase]
    test: tuple[str, str] | None


async def ask(client: ModelClient, request: ChatRequest) -> list[Completion]:
    """Return the answers to one of many requests; none where the model has nothing to say to it."""
    try:
        return await client.chat(request)
    except EmptyAnswer:
        return []


def candidates_left(state: RunState, deps: Deps) -> int:
    """Return how many candidates the run may still try; where there are none that is said once."""
    left = max(0, deps.settings.max_candidates - len(state["seen"]))
    if not left:
        deps.warn_once("the run tried as many candidates as it may: allow more with MOOT_MAX_CANDIDATES")
    return left


async def suspected(state: RunState, deps: Deps) -> Suspected:
    """Return where the fault may be; it is found by execution once in a run."""
    cases, test = await failing_test(state, deps)
    entries = {entry.path: entry for entry in await to_thread.run_sync(deps.repository.files, state["base"])}
    found = state.get("localisation") or await _localise(state, deps, cases, list(entries))
    sources = await to_thread.run_sync(_sources, found, entries, deps)
    return Suspected(found, sources, cases, test)


async def failing_test(state: RunState, deps: Deps) -> tuple[Sequence[TestCase], tuple[str, str] | None]:
    """Return the tests that are to be repaired; path and code of the first, None where that is not shown."""
    before, names = state["before"], wanted(state)
    assert before is not None
    cases = [case for case in before.cases if case.id in names]
    return cases, await to_thread.run_sync(_test, cases, state["base"], deps)


def signatures(deps: Deps, path: str, before: str, function: str, after: str) -> list[tuple[str, str]]:
    """Return (path, signatures) of what a function calls, from its own file or others. Blocks."""
    hole = Hole(path, before + function, after)
    return neighbours(hole, deps.index, (function, ""), _SIGNATURES)


def span_drafts(generator: str, number: int, edits: Sequence[Infill], case: Suspected) -> tuple[Draft, ...]:
    """Return the drafts of batch `number` (from 0), in their order."""
    return tuple(
        Draft(
            f"{generator}-{number + 1}.{place}",
            generator,
            edit.text,
            edit.logprob,
            ReplaceSpan(edit.path, case.sources[edit.path][0], edit.start_byte, edit.end_byte, edit.text),
        )
        for place, edit in enumerate(edits, start=1)
    )


async def _localise(
    state: RunState, deps: Deps, failing: Sequence[TestCase], paths: list[str]
) -> Localisation:
    command, before = state["test_command"], state["before"]
    assert command is not None
    assert before is not None
    assert deps.runner is not None
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    retrieved = {file.path: file.score for file in state.get("ranked", ())}
    related = await to_thread.run_sync(related_tests, retrieved, deps.index.dependents)
    found = await localise(
        CoverageTracer(deps.runner),
        Failure(
            request(command, deps.workspace, failing, before.cases, related),
            paths,
            state["task"].text,
            retrieved,
            partial(deps.repository.ages, state["base"]),
        ),
    )
    if start_of(state) == state["base"]:  # where a model's test ran, too, nothing of it is kept
        await to_thread.run_sync(deps.repository.adopt, deps.workspace)
    deps.emit(Notice("info", f"suspects: {found.note}"))
    deps.emit(SuspectsFound(tuple((place.path, place.line, place.score) for place in found.suspects)))
    return found


def _sources(found: Localisation, entries: dict[str, TreeEntry], deps: Deps) -> dict[str, tuple[str, bytes]]:
    paths = list(dict.fromkeys(place.path for place in found.suspects))[:_SUSPECTED_FILES]
    read = {path: (entries[path].blob, deps.repository.read(entries[path].blob)) for path in paths}
    return {path: (blob, data) for path, (blob, data) in read.items() if why_not_file(path, data) is None}


def _test(failing: Sequence[TestCase], base: str, deps: Deps) -> tuple[str, str] | None:
    path = failing[0].file if failing else ""
    found = deps.repository.files(base, [path]) if path else []
    data = deps.repository.read(found[0].blob) if found else None
    if data is None or why_not_file(path, data) is not None:
        return None
    text = excerpt(failing[0], Source.parse(path, data))
    return (path, text) if text else None
