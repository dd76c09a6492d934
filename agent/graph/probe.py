"""Runs the functions that survivors change: in the tests, on inputs seen there, and on others near those."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from anyio import to_thread

from moot.agent.core.behaviour import Difference
from moot.agent.core.testfiles import is_test
from moot.agent.graph.contents import Change, plain
from moot.agent.graph.deps import Deps
from moot.agent.graph.failures import wanted
from moot.agent.graph.state import RunState
from moot.agent.repair.behaviour import Behaviour, Objection, compare_calls
from moot.agent.repair.changed import changed_functions, definitions, literals
from moot.agent.repair.returns import Watched, compare_returns
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.warm.versions import Answer, Function, Orders, Version, run_versions, warmable

__all__ = ["Ground", "Probed", "compare_on", "functions_of", "probe"]

_MOST_FUNCTIONS = 5
_ALONE = 0.5
"""Of the time that several survivors have: what a run that needs no choice may wait for."""

_BASE, _AGAIN, _RECORD = "base", "base again", "record"

Files = Mapping[str, Mapping[str, Change]]
"""Survivor -> the files that it changes."""


@dataclass(frozen=True, slots=True)
class Probed:
    """What was tried, in a sentence, and how the survivors behaved; None where nothing could be compared.

    Attributes:
        behaviour: on inputs that the functions were called with.
        watched: in the tests themselves.
    """

    note: str
    behaviour: Behaviour | None = None
    watched: Watched | None = None

    @property
    def differences(self) -> tuple[Difference, ...]:
        """Calls that tell survivors apart."""
        return self.behaviour.differences if self.behaviour else ()

    @property
    def groups(self) -> Sequence[Sequence[str]] | None:
        """Survivors that behave alike, by calls where any could be made; None where that is not known."""
        if self.behaviour is not None and self.behaviour.calls:
            return self.behaviour.groups
        return self.watched.groups if self.watched is not None else None

    def objections(self, name: str) -> Sequence[Objection]:
        """Return what speaks against a survivor; another value in a test counts once."""
        found = self.behaviour.objections[name] if self.behaviour is not None else ()
        departs = self.watched.departures.get(name) if self.watched is not None else None
        if departs is None or any(each.departs for each in found):
            return found
        return (*found, departs)


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
    """Compare survivors within the setting's time; one alone, with the base, in less of it."""
    command, before, targets = state["test_command"], state["before"], wanted(state)
    seconds = min(deps.settings.compare_time, deps.limits.seconds_left / 2)
    functions = functions_of(files)
    if len(files) == 1:
        if not targets:
            return Probed("there is nothing to compare it with")
        seconds *= _ALONE
    if not functions:
        return Probed("not compared beside the tests: no Python function alone is changed")
    if command is None or before is None or deps.runner is None or seconds <= 0:
        return Probed("not compared beside the tests: there is no time for it")
    quick = before.seconds * _runs(files) < seconds
    tests = () if quick else sorted({case.file for case in before.cases if case.id in targets and case.file})
    await to_thread.run_sync(deps.repository.checkout, state["base"], deps.workspace)
    ground = Ground(deps.runner, command, deps.workspace, tests, targets, seconds)
    return await compare_on(ground, files, functions)


async def compare_on(ground: Ground, files: Files, functions: Sequence[Function]) -> Probed:
    """Run functions, one at least, as each version has them on the inputs of the tests, and near those."""
    if not await warmable(ground.command, ground.workspace):
        return Probed("not compared beside the tests: these are not run by pytest alone")
    each = max(2.0, ground.seconds / (len(files) + 3))
    orders = Orders(_versions(files, functions), ground.tests, ground.targets, each, ground.seconds)
    answers = await run_versions(ground.runner, ground.command, ground.workspace, orders)
    return _compare(files, functions, answers)


def functions_of(files: Files) -> list[Function]:
    """Return the Python functions that any version changes; none where one changes links or modules too."""
    found: dict[tuple[str, str], Function] = {}
    for changed in files.values():
        for path, change in changed.items():
            if path.endswith(".py") and not is_test(path) and change.old and change.new:
                for one in changed_functions(change.old, change.new):
                    found.setdefault((path, one.name), Function(path, one.name, one.first, one.last))
    regular = all(plain(changed) for changed in files.values())
    return list(found.values())[:_MOST_FUNCTIONS] if regular else []


def _runs(files: Files) -> int:
    """Return how often the command runs, with the one that finds out what can be imported beforehand."""
    return 2 * len(files) + 5


def _versions(files: Files, functions: Sequence[Function]) -> Sequence[Version]:
    """Return the base to record, then the base and each survivor to watch and to call, the base twice."""
    probes = [Version(name, {}, "probe", functions) for name in (_BASE, _AGAIN)]
    watches = [Version(_watch(_AGAIN), {}, "watch", functions)]
    for name, changed in files.items():
        new = {path: change.new for path, change in changed.items()}
        probes.append(Version(name, new, "probe", functions))
        watches.append(Version(_watch(name), new, "watch", _moved(functions, changed)))
    return [Version(_RECORD, {}, "record", functions), *watches, *probes]


def _watch(name: str) -> str:
    return f"{name} in tests"


def _moved(functions: Sequence[Function], changed: Mapping[str, Change]) -> Sequence[Function]:
    """Return the functions with the lines that they have in a version; no line where it lacks one."""
    found: list[Function] = []
    for one in functions:
        change = changed.get(one.path)
        if change is not None:
            new = definitions(change.new or b"").get(one.name)
            one = replace(one, first=new.first, last=new.last) if new else replace(one, first=0, last=-1)
        found.append(one)
    return found


def _compare(files: Files, functions: Sequence[Function], answers: Mapping[str, Answer]) -> Probed:
    names = ", ".join(function.name for function in functions)
    watched = _watched(files, functions, answers)
    tests = watched.tests if watched is not None else 0
    seen = f"what {names} returns was compared in {tests} test{'s' * (tests != 1)}" if tests else ""
    silent = [name for name in (_BASE, _AGAIN, *files) if not (answers.get(name) and answers[name].calls)]
    if silent:
        who = "any of them" if silent[0] == _BASE else silent[0]
        missing = f"{names} could not be called with recorded inputs in {who}"
        return Probed(seen or f"not compared beside the tests: {missing}", None, watched)
    new = {
        name: frozenset[str]().union(
            *(literals(change.new or b"") - literals(change.old or b"") for change in changed.values())
        )
        for name, changed in files.items()
    }
    calls = {name: answers[name].calls for name in files}
    paths = [function.path for function in functions]
    behaviour = compare_calls(answers[_BASE].calls, answers[_AGAIN].calls, calls, new, paths)
    if not behaviour.calls:
        note = seen or f"not compared beside the tests: no input of {names} gave the same twice"
        return Probed(note, behaviour, watched)
    inputs = f"{behaviour.calls} input{'s' * (behaviour.calls != 1)}"
    return Probed(f"{names} ran on {inputs} from tests and near them", behaviour, watched)


def _watched(files: Files, functions: Sequence[Function], answers: Mapping[str, Answer]) -> Watched | None:
    """Compare what the functions returned in tests; None where a version did not end, or no test tells."""
    base, again = answers.get(_RECORD), answers.get(_watch(_AGAIN))
    others = {name: found for name in files if (found := answers.get(_watch(name))) and found.ended}
    if base is None or again is None or not (base.ended and again.ended) or len(others) < len(files):
        return None
    passing = {name for name, outcome, _ in base.tests if outcome == "passed"}
    survivors = {name: answer.returns for name, answer in others.items()}
    names = [function.name for function in functions]
    found = compare_returns(base.returns, again.returns, survivors, passing, names)
    return found if found.tests else None
