"""Runs trials on every version, each by its language, and says what the runs of one come to."""

from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path, PurePosixPath
from time import monotonic

from moot.agent.core.trials import Observed, Trial
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.trials.base import Language, Runs, Work, settle
from moot.agent.verify.trials.go import Go
from moot.agent.verify.trials.node import Node
from moot.agent.verify.trials.python import Python

__all__ = ["run_trials"]

_LANGUAGES: tuple[Language, ...] = (Python(), Node(), Go())
_FOREIGN = Observed("unusable", "trials of this language are not run")


async def run_trials(
    runner: TestRunner,
    command: str,
    workspace: Path,
    versions: Mapping[str, Mapping[str, bytes | None]],
    trials: Sequence[Trial],
    seconds: float,
) -> Mapping[str, Mapping[str, Observed]]:
    """Run each trial three times with each version.

    What comes back was written by code under test: it is evidence of how versions differ, and no verdict.

    Args:
        runner: where to run; its environment is that of the tests.
        command: the test command, which tells the interpreter and what is set up before tests.
        workspace: a checkout of the base; it may hold other files afterwards.
        versions: by name, the files in place of the workspace's (None: deleted); the base has none.
        trials: each with an id of its own.
        seconds: for all of them; what is not run in time is unusable.

    Returns:
        For each version what each trial showed, by its id.

    Raises:
        SandboxUnavailable: the sandbox could not be set up.
    """
    ends = monotonic() + seconds
    found: dict[str, dict[str, Observed]] = {name: {} for name in versions}
    for language in dict.fromkeys(map(_language, trials)):
        chosen = [trial for trial in trials if _language(trial) is language]
        work = Work(runner, command, workspace, versions, chosen, ends - monotonic())
        seen: Runs = {}
        if language and versions and work.seconds > 0:
            seen = await language.run(work)
        for name, trial in product(versions, chosen):
            found[name][trial.id] = settle(seen.get((name, trial.id), ())) if language else _FOREIGN
    return found


def _language(trial: Trial) -> Language | None:
    suffix = PurePosixPath(trial.path).suffix
    return next((language for language in _LANGUAGES if suffix in language.suffixes), None)
