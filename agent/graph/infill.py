"""Fill-in-the-middle drafts: localise by execution once, then one batch of masks a round."""

import time
from functools import partial

from anyio import to_thread

from moot.agent.core.commands import TestCase
from moot.agent.core.events import ModelCalled, Notice, SuspectsFound
from moot.agent.core.types import TreeEntry
from moot.agent.edits.forms import ReplaceSpan
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import failing
from moot.agent.graph.state import Draft, RunState
from moot.agent.repair.generate import Batch, Fault, fim_batch
from moot.agent.repair.localise import Failure, Localisation, localise
from moot.agent.repair.peers import related_tests, request
from moot.agent.verify.coverage.measure import CoverageTracer

__all__ = ["infill_drafts"]

_SUSPECTED_FILES = 12


async def infill_drafts(state: RunState, deps: Deps, number: int) -> RunState:
    """Return the drafts of batch `number` (from 0), best first; none when the masks are used up."""
    fim, failing = deps.generation.fim, _failing(state)
    assert fim is not None
    entries = {entry.path: entry for entry in await to_thread.run_sync(deps.repository.files, state["base"])}
    found = state.get("localisation") or await _localise(state, deps, failing, list(entries))
    sources = await to_thread.run_sync(_sources, found, entries, deps)
    before, started = deps.client.usage, time.monotonic()
    fault = Fault(state["task"].text, found, sources, failing)
    left = deps.settings.max_candidates - len(state["seen"])
    batch = await fim_batch(deps.client, fim, fault, number) if left > 0 else None
    if batch is not None:
        deps.emit(ModelCalled("repair", deps.client.usage - before, time.monotonic() - started))
    return {
        "localisation": found,
        "drafts": _drafts(batch, number, sources)[: max(0, left)],
        "answer": "",
        "feedback": "",
    }


def _failing(state: RunState) -> list[TestCase]:
    before = state["before"]
    assert before is not None
    return [case for case in before.cases if case.id in failing(state)]


async def _localise(state: RunState, deps: Deps, failing: list[TestCase], paths: list[str]) -> Localisation:
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
    deps.emit(Notice("info", f"suspects: {found.note}"))
    deps.emit(SuspectsFound(tuple((place.path, place.line, place.score) for place in found.suspects)))
    return found


def _sources(found: Localisation, entries: dict[str, TreeEntry], deps: Deps) -> dict[str, tuple[str, bytes]]:
    paths = list(dict.fromkeys(place.path for place in found.suspects))[:_SUSPECTED_FILES]
    return {path: (entries[path].blob, deps.repository.read(entries[path].blob)) for path in paths}


def _drafts(batch: Batch | None, number: int, sources: dict[str, tuple[str, bytes]]) -> tuple[Draft, ...]:
    infills = batch.infills if batch is not None else ()
    return tuple(
        Draft(
            f"fim-{number + 1}.{place}",
            "fim",
            infill.text,
            infill.logprob,
            ReplaceSpan(
                infill.path, sources[infill.path][0], infill.start_byte, infill.end_byte, infill.text
            ),
        )
        for place, infill in enumerate(infills, start=1)
    )
