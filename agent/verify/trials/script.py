"""Runs trials by a shell script in the sandbox: each version put in place, a process for each run."""

import secrets
import shlex
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path, PurePosixPath

from anyio import to_thread
from pydantic import BaseModel, ValidationError

from moot.agent.core.folders import remove
from moot.agent.core.trials import Observed, Trial
from moot.agent.verify.tree import Tree
from moot.agent.verify.trials.base import RUNS, WAITING, Runs, Work, said

__all__ = ["Recipe", "run_script"]

_MOST = 65_536
"""Bytes of what one run may answer."""

_GRACE = 5.0
_KILLED = ("137", "152")
_FUNCTIONS = """\
run() {{ # where its answer goes, and the command
    answer="$MOOT_TRIALS/out/$1"; shift
    {{
        (ulimit -t {processor}; exec timeout -s KILL {wall} "$@") </dev/null 2>/dev/null
        set -- $?; echo; echo "$1"
    }} |
        head -c {most} >"$answer"
}}
put() {{ # a file, and what it is to hold
    mkdir -p "$(dirname "$1")"; rm -f "$1"; cp "$MOOT_TRIALS/files/$2" "$1"
}}
"""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a language runs a trial.

    Attributes:
        program: what has to be there.
        words: of the command that prints `{"kind": …, "text": …}` last; `$MOOT_TRIALS` holds the files.
        files: what it needs there, by name.
        prepare: a line of shell before the runs in one version.
    """

    program: str
    words: str
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    prepare: str = ""


class _Answer(BaseModel):
    kind: str
    text: str


async def run_script(work: Work, recipes: Mapping[Trial, Recipe]) -> Runs:
    """Run each trial by its recipe on every version.

    Raises:
        SandboxUnavailable: the sandbox could not be set up.
    """
    programs = " ".join(dict.fromkeys(recipe.program for recipe in recipes.values()))
    with _scratch(work, recipes) as folder:
        env = {"MOOT_TRIALS": f"{work.runner.inside(work.workspace)}/{folder.name}"}
        command = f'sh "$MOOT_TRIALS/run.sh" {programs}'
        await work.runner.run(command, work.workspace, (), work.seconds + _GRACE, env)
        return await to_thread.run_sync(_seen, work, recipes, folder.name)


@contextmanager
def _scratch(work: Work, recipes: Mapping[Trial, Recipe]) -> Generator[Path]:
    """Make a folder with the files of all versions and the script, and remove it."""
    folder = work.workspace / f".moot-trials-{secrets.token_hex(8)}"
    (folder / "out").mkdir(parents=True)
    (folder / "files").mkdir()
    try:
        for recipe in recipes.values():
            for name, text in recipe.files.items():
                (folder / name).write_text(text, encoding="utf-8")
        (folder / "run.sh").write_text("\n".join(_lines(work, recipes, folder)), encoding="utf-8")
        yield folder
    finally:
        remove(folder)


def _lines(work: Work, recipes: Mapping[Trial, Recipe], folder: Path) -> Iterator[str]:
    wall = ceil(WAITING * work.limit)
    yield _FUNCTIONS.format(processor=ceil(work.limit), wall=wall, most=_MOST)
    with ExitStack() as stack:
        tree = Tree.open(work.workspace, stack)
        for at, files in enumerate(work.versions.values()):
            base = {path: tree.read(path) if tree.holds(path) else None for path in files}
            yield from _put(files, folder, f"v{at}")
            for place, recipe in enumerate(recipes.values()):
                yield recipe.prepare or ":"
                yield from (f"run {at}-{place}-{run} {recipe.words}" for run in range(RUNS))
            yield from _put(base, folder, f"b{at}")


def _put(files: Mapping[str, bytes | None], folder: Path, name: str) -> Iterator[str]:
    for number, (path, data) in enumerate(files.items()):
        place = shlex.quote(f"./{PurePosixPath(path)}")
        if data is None:
            yield f"rm -f {place}"
            continue
        (folder / "files" / f"{name}-{number}").write_bytes(data)
        yield f"put {place} {name}-{number}"


def _seen(work: Work, recipes: Mapping[Trial, Recipe], folder: str) -> Runs:
    seen: dict[tuple[str, str], list[Observed]] = {}
    with ExitStack() as stack:
        tree = Tree.open(work.workspace, stack)
        for at, name in enumerate(work.versions):
            for place, trial in enumerate(recipes):
                written = [tree.read(f"{folder}/out/{at}-{place}-{run}")[:_MOST] for run in range(RUNS)]
                seen[name, trial.id] = [_read(data) for data in written if data.strip()]
    return seen


def _read(data: bytes) -> Observed:
    """Return what a run says in its last line but one, or by the status in its last."""
    lines = data.decode(errors="replace").split("\n")
    status = lines[-2] if len(lines) > 1 and lines[-1] == "" else ""
    if status in _KILLED:
        return Observed("late", "no end")
    try:
        answer = _Answer.model_validate_json(next(line for line in reversed(lines[:-2]) if line))
    except (ValidationError, StopIteration):
        return said("error", f"exit: the process ended with status {status[:3] or 'none'} and no answer")
    return said(answer.kind, answer.text)
