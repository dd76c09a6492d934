"""Runs the functions that survivors change on inputs seen in tests, and on others near those."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from anyio import to_thread

from moot.agent.core.behaviour import Difference
from moot.agent.graph.contents import Change, plain
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import RunState
from moot.agent.repair.behaviour import Behaviour, compare_calls
from moot.agent.repair.changed import changed_functions, literals
from moot.agent.repair.source import is_test_path
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.warm.versions import Answer, Function, Orders, Version, run_versions, warmable

__all__ = ["Ground", "Probed", "compare_on", "functions_of", "probe"]

_MOST_FUNCTIONS = 5
_BASE, _AGAIN, _RECORD = "base", "base again", "record"

Files = Mapping[str, Mapping[str, Change]]
"""Survivor -> the files that it changes."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What was tried, in a sentence, and how the survivors behaved; None where nothing could be compared."""

    note: str
    behaviour: Behaviour | None = None

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Calls that tell survivors apart."""
        return self.behaviour.differences if self.behaviour else ()


@dataclass(frozen=True, slots=True)
class Ground:
    """Where versions run: a checkout of the base, what runs its tests, and for how long.

    Attributes:
        tests: ids or files whose calls are recorded; none: all.
        targets: ids of the tests that fail on the base.
        seconds: for everything.
    """

    runner: TestRunner
    command: str
    workspace: Path
    tests: Sequence[str]
    targets: Collection[str]
    seconds: float


async def probe(files: Files, state: RunState, deps: Deps) -> Probed:
    """Compare survivors within the setting's time."""
    command, before = state["test_command"], state["before"]
    seconds = min(deps.settings.compare_time, deps.limits.seconds_left / 2)
    functions = functions_of(files)
    if not functions:
        return Probed("not compared beside the tests: no Python function alone is changed")
    if command is None or before is None or deps.runner is None or seconds <= 0:
        return Probed("not compared beside the tests: there is no time for it")
    targets = wanted(state)
    quick = before.seconds * (len(files) + 3) < seconds
    tests = () if quick else sorted({case.file for case in before.cases if case.id in targets and case.file})
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    ground = Ground(deps.runner, command, deps.workspace, tests, targets, seconds)
    return await compare_on(ground, files, functions)


async def compare_on(ground: Ground, files: Files, functions: Sequence[Function]) -> Probed:
    """Run functions, one at least, as each version has them on the inputs of the tests, and near those."""
    if not await warmable(ground.command, ground.workspace):
        return Probed("not compared beside the tests: these are not run by pytest alone")
    each = max(2.0, ground.seconds / (len(files) + 3))
    orders = Orders(_versions(files), ground.tests, ground.targets, each, ground.seconds, functions=functions)
    answers = await run_versions(ground.runner, ground.command, ground.workspace, orders)
    return _compare(files, functions, answers)


def functions_of(files: Files) -> list[Function]:
    """Return the Python functions that any version changes; none where one changes links or modules too."""
    found: dict[tuple[str, str], Function] = {}
    for changed in files.values():
        for path, change in changed.items():
            if path.endswith(".py") and not is_test_path(path) and change.old and change.new:
                for one in changed_functions(change.old, change.new):
                    found.setdefault((path, one.name), Function(path, one.name, one.first, one.last))
    regular = all(plain(changed) for changed in files.values())
    return list(found.values())[:_MOST_FUNCTIONS] if regular else []


def _versions(files: Files) -> Sequence[Version]:
    """Return the base to record, the base twice, and each survivor."""
    probes = [
        Version(name, {path: change.new for path, change in changed.items()}, "probe")
        for name, changed in files.items()
    ]
    return [
        Version(_RECORD, {}, "record"),
        Version(_BASE, {}, "probe"),
        Version(_AGAIN, {}, "probe"),
        *probes,
    ]


def _compare(files: Files, functions: Sequence[Function], answers: Mapping[str, Answer]) -> Probed:
    names = ", ".join(function.name for function in functions)
    silent = [name for name in (_BASE, _AGAIN, *files) if not (answers.get(name) and answers[name].calls)]
    if silent:
        who = "any of them" if silent[0] == _BASE else silent[0]
        return Probed(
            f"not compared beside the tests: {names} could not be called with recorded inputs in {who}"
        )
    new = {
        name: frozenset[str]().union(
            *(literals(change.new or b"") - literals(change.old or b"") for change in changed.values())
        )
        for name, changed in files.items()
    }
    calls = {name: answers[name].calls for name in files}
    behaviour = compare_calls(answers[_BASE].calls, answers[_AGAIN].calls, calls, new)
    if not behaviour.calls:
        return Probed(f"not compared beside the tests: no input of {names} gave the same twice", behaviour)
    return Probed(f"{names} ran on {behaviour.calls} inputs from tests and near them", behaviour)
