"""Runs many versions of a workspace's files through one warm pytest in the sandbox.

What comes back is a filter, never a verdict: code under test can write what it likes while it runs.
"""

import base64
import json
import secrets
import shutil
from collections.abc import Collection, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.calls import Call, Returns
from moot.agent.core.folders import remove
from moot.agent.core.trials import Trial
from moot.agent.verify.frameworks.choose import claimant
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.scripts import unfold
from moot.agent.verify.shell import Call as ShellCall
from moot.agent.verify.tree import Tree

__all__ = ["Answer", "Function", "Orders", "Said", "Version", "run_versions", "warmable"]

_SCRIPTS = (
    ("fork_server.py", "moot_warm"),
    ("calls.py", "moot_calls"),
    ("neighbours.py", "moot_neighbours"),
    ("shown.py", "moot_shown"),
    ("watch.py", "moot_watch"),
    ("trial.py", "moot_trial"),
    ("observe.py", "moot_observe"),
    ("alone.py", "moot_alone"),
)
_GRACE = 15.0
"""Seconds that starting and ending take beside the versions' own."""


@dataclass(frozen=True, slots=True)
class Version:
    """Files in place of the workspace's (None: deleted), and what is done with them.

    Attributes:
        job: `test` runs the tests, `watch` notes what functions return meanwhile, `record` their inputs too,
            `probe` calls those, `trial` runs the trials.
        functions: those of `watch`, `record` and `probe`, where this version has them.
    """

    name: str
    files: Mapping[str, bytes | None]
    job: Literal["test", "watch", "record", "probe", "trial"] = "test"
    functions: Sequence["Function"] = ()


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a version: its file, its qualified name, its first and last line."""

    path: str
    name: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Orders:
    """What to run.

    Attributes:
        tests: ids or files to run; none: all.
        targets: ids of the tests that fail on the base.
        each: seconds for one version; `seconds` for all.
        enough: versions whose targets all pass, after which the others are left out.
        limit: seconds of processor time for one trial.
    """

    versions: Sequence[Version]
    tests: Sequence[str]
    targets: Collection[str]
    each: float
    seconds: float
    enough: int = 1_000_000
    trials: Sequence[Trial] = ()
    limit: float = 1.0


class Said(BaseModel):
    """What a trial showed once, as `Observed` has it."""

    id: str
    kind: str
    text: str


class Answer(BaseModel):
    """What a version said: written by code under test.

    Attributes:
        ended: it came to its own end; `late` where it did not in time.
        tests: (id, outcome, message) of each.
    """

    ended: bool = False
    late: bool = False
    seconds: float = 0.0
    tests: list[tuple[str, str, str]] = []
    calls: list[Call] = []
    returns: list[Returns] = []
    trials: list[Said] = []


async def warmable(command: str, workspace: Path) -> bool:
    """Whether the command is one call of pytest at the top of the workspace."""
    return await to_thread.run_sync(_is_pytest, command, workspace)


def _is_pytest(command: str, workspace: Path) -> bool:
    with ExitStack() as stack:
        segments = unfold(command, Tree.open(workspace, stack)) or ()
    claims = [claimant(ShellCall.of(segment.words)) for segment in segments]
    return len(claims) == 1 and claims[0] is not None and claims[0].name == "pytest"


async def run_versions(
    runner: TestRunner, command: str, workspace: Path, orders: Orders
) -> Mapping[str, Answer]:
    """Return what each version said, by name; those that were not run, or said nothing sane, are missing.

    Raises:
        SandboxUnavailable: the sandbox could not be set up.
    """
    with _scratch(workspace, orders) as folder:
        inside = f"{runner.inside(workspace)}/{folder.name}"
        env = {"MOOT_WARM": inside, "PYTEST_PLUGINS": "moot_warm", "PYTHONPATH": inside}
        await runner.run(command, workspace, orders.tests, orders.seconds + _GRACE, env)
        return await to_thread.run_sync(_answers, workspace, folder.name)


@contextmanager
def _scratch(workspace: Path, orders: Orders) -> Generator[Path]:
    """Make a folder with the orders and the scripts, whose name no test can know, and remove it."""
    folder = workspace / f".moot-warm-{secrets.token_hex(8)}"
    (folder / "out").mkdir(parents=True, mode=0o700)
    try:
        for script, name in _SCRIPTS:
            shutil.copyfile(Path(__file__).with_name(script), folder / f"{name}.py")
        (folder / "orders.json").write_text(json.dumps(_written(orders)), encoding="utf-8")
        yield folder
    finally:
        remove(folder)


def _written(orders: Orders) -> Mapping[str, object]:
    versions = [
        {
            "name": version.name,
            "job": version.job,
            "functions": [(each.path, each.name, each.first, each.last) for each in version.functions],
            "files": {
                path: None if data is None else base64.b64encode(data).decode()
                for path, data in version.files.items()
            },
        }
        for version in orders.versions
    ]
    return {
        "versions": versions,
        "trials": [(each.id, each.path, each.code) for each in orders.trials],
        "limit": orders.limit,
        "targets": sorted(orders.targets),
        "each": orders.each,
        "seconds": orders.seconds,
        "enough": orders.enough,
    }


class _Answers(BaseModel):
    answers: dict[str, Answer]


def _answers(workspace: Path, folder: str) -> Mapping[str, Answer]:
    with ExitStack() as stack:
        data = Tree.open(workspace, stack).read(f"{folder}/out/answers.json")
    try:
        return _Answers.model_validate({"answers": json.loads(data)}).answers
    except (ValidationError, ValueError, RecursionError):
        return {}
