"""Trials in a real sandbox."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from moot.agent.core.trials import Trial
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.trials import run_trials
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import write

Files = Mapping[str, bytes | None]


@pytest.fixture
def look(root: Path, work: Path):
    """Return what lines show in each version, by their places, beside what they show in the base."""

    def go(files: Mapping[str, str], path: str, command: str, *codes: str, **versions: Files):
        write(work, dict(files))
        trials = [Trial(f"T{number}", path, code) for number, code in enumerate(codes)]
        runner = TestRunner(choose("auto"), root, 100)
        seen = asyncio.run(run_trials(runner, command, work, {"base": {}, **versions}, trials, 90))
        assert not [
            place for place in work.iterdir() if place.name.startswith((".moot-warm", ".moot-trials"))
        ]
        assert all(list(said) == [trial.id for trial in trials] for said in seen.values())
        return {name: [said[trial.id] for trial in trials] for name, said in seen.items()}

    return go
