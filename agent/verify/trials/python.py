"""Python: the fork server runs each version three times, and each trial in a fork of that."""

import re
from collections.abc import Mapping
from dataclasses import replace
from time import monotonic

from moot.agent.core.trials import Observed
from moot.agent.verify.shell import chain, unquote
from moot.agent.verify.trials.base import RUNS, WAITING, Runs, Work, said
from moot.agent.verify.warm.versions import Answer, Orders, Version, run_versions, warmable

__all__ = ["Python"]

_IMPORTS = 20.0
"""Seconds for what is set up before the trials of one version."""

_INTERPRETER = re.compile(r"(?:.*/)?(?:python|pypy)[\d.]*")
_ALONE = '{} "$MOOT_WARM/moot_alone.py"'


class Python:
    """Trials with the set-up of pytest where the tests have it, else in the interpreter alone."""

    suffixes = frozenset((".py",))

    async def run(self, work: Work) -> Runs:
        """Run in pytest; where that never comes to a trial, or the command is another one, without it."""
        began = monotonic()
        seen: Runs = {}
        if await warmable(work.command, work.workspace):
            seen = await _run(work, work.command)
        left = work.seconds - (monotonic() - began)
        if seen or left <= 0:
            return seen
        return await _run(replace(work, seconds=left), _ALONE.format(_interpreter(work.command)))


async def _run(work: Work, command: str) -> Runs:
    numbers = {f"{run}/{place}": name for run in range(RUNS) for place, name in enumerate(work.versions)}
    versions = [Version(number, work.versions[name], "trial") for number, name in numbers.items()]
    trials, each = work.trials, _IMPORTS + WAITING * work.limit * len(work.trials)
    orders = Orders(versions, (), (), each, work.seconds, trials=trials, limit=work.limit)
    return _seen(await run_versions(work.runner, command, work.workspace, orders), numbers)


def _seen(answers: Mapping[str, Answer], numbers: Mapping[str, str]) -> Runs:
    seen: dict[tuple[str, str], list[Observed]] = {}
    for number, name in numbers.items():
        answer = answers.get(number, Answer())
        once = {each.id: said(each.kind, each.text) for each in answer.trials}
        for trial, observed in once.items():
            seen.setdefault((name, trial), []).append(observed)
    return seen


def _interpreter(command: str) -> str:
    """Return the interpreter that a command names, as a shell word."""
    words = [word for call in chain(command) or () for word in call]
    return next((word for word in words if _INTERPRETER.fullmatch(unquote(word))), "python3")
