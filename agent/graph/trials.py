"""Runs what is claimed of candidates, on the base and on each of them, and asks what is right."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from anyio import to_thread

from moot.agent.core.behaviour import Difference, Selection
from moot.agent.core.events import EvidenceFound
from moot.agent.core.testfiles import is_test
from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.best_of import Contestant
from moot.agent.fusion.claims import Endorsed, Tried, endorse, separates
from moot.agent.fusion.critics import predict
from moot.agent.fusion.evidence import BASE
from moot.agent.fusion.seat import Seat
from moot.agent.graph.contents import changes, plain
from moot.agent.graph.conversation import read
from moot.agent.graph.deps import Deps
from moot.agent.graph.state import RunState
from moot.agent.syntax import language_of
from moot.agent.verify.trials import run_trials

__all__ = ["recorded", "subjects", "try_out", "with_values"]

_LONGEST = 120.0
"""Seconds that all trials of one step may take."""

_MOST_PREDICTED = 3
"""Trials of one step for which values are asked, in one request."""


async def try_out(
    trials: Sequence[Trial], contestants: Sequence[Contestant], state: RunState, deps: Deps
) -> Mapping[str, Mapping[str, Observed]]:
    """Return what each trial showed, by its id and by candidate, the base among them."""
    command, seconds = state["test_command"], min(_LONGEST, deps.limits.seconds_left / 4)
    if deps.runner is None or command is None or not trials or seconds <= 0:
        return {}
    versions: dict[str, Mapping[str, bytes | None]] = {BASE: {}}
    for one in contestants:
        found = await to_thread.run_sync(changes, one.candidate, state, deps)
        if plain(found):
            versions[one.candidate.id] = {path: each.new for path, each in found.items()}
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    seen = await run_trials(deps.runner, command, deps.workspace, versions, trials, seconds)
    ids = [trial.id for trial in trials]
    return {one: {name: said[one] for name, said in seen.items() if one in said} for one in ids}


def subjects(contestants: Sequence[Contestant]) -> tuple[str, ...]:
    """Return the changed sources that code can be written about; tests and deleted files are none."""
    deltas = (delta for one in contestants for delta in one.candidate.deltas if delta.exists)
    paths = dict.fromkeys(delta.path for delta in deltas)
    return tuple(path for path in paths if language_of(path) and not is_test(path))


def recorded(selection: Selection | None) -> list[Tried]:
    """Return the calls, seen in tests and near those, on which survivors differ: they were run already."""
    if selection is None:
        return []
    found = [
        Tried(Trial(f"D{number}", each.path, each.call), _of_all(each, selection))
        for number, each in enumerate(selection.differences, 1)
    ]
    return [each for each in found if separates(each.observed, set(each.observed) - {BASE})]


async def with_values(tried: Sequence[Tried], seat: Seat, state: RunState, deps: Deps) -> list[Tried]:
    """Return trials with what the task states that they give, or else those predict who see no patch."""
    opening, task = read(deps.folder).opening, state["task"].text

    def endorsed(each: Tried, values: Sequence[str] = ()) -> Endorsed | None:
        return endorse(each.trial.code, task, values, each.observed.get(BASE))

    open_ones = [each.trial for each in tried if endorsed(each) is None][:_MOST_PREDICTED]
    said = await predict(seat, opening, open_ones) if open_ones else []
    expected = {trial.id: values for trial, values in zip(open_ones, said, strict=True)}
    done = list[Tried]()
    for each in tried:
        values = expected.get(each.trial.id, ())
        done.append(replace(each, expected=values, endorsed=endorsed(each, values)))
        row = done[-1].evidence()
        names = {name: name for name in each.observed if name != BASE}
        deps.emit(EvidenceFound(row.id, ", ".join(names), row.told(names)))
    return done


def _of_all(difference: Difference, selection: Selection) -> dict[str, Observed]:
    """Return what a call gave with each survivor: those of one group gave the same."""
    seen = {one.candidate: _seen(one.text) for one in difference.outputs}
    groups = {one.group: seen[one.id] for one in selection.survivors if one.id in seen}
    return seen | {one.id: groups[one.group] for one in selection.survivors if one.group in groups}


def _seen(text: str) -> Observed:
    """Return what the comparison of calls shows as text."""
    if text.startswith("raises "):
        return Observed("error", text.removeprefix("raises "))
    return Observed("late" if text.startswith("no end within") else "value", text)
