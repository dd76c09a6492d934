"""What a fusion is compared by: the same question to one model alone and to pools, of text and of patches."""

import json
import os
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from moot.agent.core.types import EditFormat
from tests.agent.edits.recorded import Answer, answers, changed_by, files, is_right, tasks

__all__ = ["ALONE", "KINDS", "Outcome", "Ran", "Way", "ways"]

AGENT = Path(sys.executable).with_name("agent")
ALONE = "alone"
PROFILE = "qwen2.5-coder-1.5b-cpu"
ANSWER_TOKENS = 192
MOST_PATCHED = 5_000  # bytes of a file: a processor reads 170 tokens a second
TASKS = (
    ("bisect", "Let insort_left return the position at which it inserted."),
    ("colorsys", "Let rgb_to_yiq raise a ValueError where a channel is negative."),
    ("fnmatch", "Let filter in fnmatch return an empty list at once where names is empty."),
    ("sched", "Give the scheduler of sched a method clear that removes all events."),
    ("reprlib", "Let repr1 in reprlib return '...' for a level below zero."),
)


@dataclass(frozen=True)
class Way:
    """A mode, how many samples of the local model, and other members of the pool."""

    mode: str
    samples: int
    others: str = ""


@dataclass(frozen=True)
class Ran:
    """One run: exit code, seconds in all, tokens read and written, and those of them that were not cached."""

    exit_code: int
    seconds: float = 0.0
    tokens: int = 0
    fresh: int = 0


@dataclass(frozen=True)
class Outcome(Ran):
    """One run, and of what."""

    way: str = ""
    task: int = 0
    round: int = 0


def ways(slow: str) -> Mapping[str, Way]:
    """Return what is compared, by name; `slow` is the address of a server that takes five times as long."""
    return {
        ALONE: Way("best-of", 1),
        **{f"best-of {n}": Way("best-of", n) for n in (2, 3, 5)},
        "merge 3": Way("merge", 3),
        "debate 3": Way("debate", 3),
        "best-of 2 and slow": Way("best-of", 2, f"@{slow}"),
        "best-of 2 and dead": Way("best-of", 2, "@http://127.0.0.1:9/v1"),
    }


def text(way: Way, task: int) -> Ran:
    """Ask for a change of a module of the standard library, with a beginning that no cache knows."""
    module, change = TASKS[task]
    source = Path(__import__(module).__file__ or "").read_text(encoding="utf-8")
    prompt = f"# {secrets.token_hex(8)}\n{source}\n\n{change} Write the changed function alone."
    pool = ", ".join(filter(None, (f"local x{way.samples}", way.others)))
    command = ["fuse", "-", "--mode", way.mode, "--pool", pool, "--answer-tokens", str(ANSWER_TOKENS)]
    done = _agent(command, stdin=prompt)
    if done.returncode:
        return Ran(done.returncode)
    ledger = json.loads(done.stdout)["ledger"]
    used = ledger["tokens"]
    total = used["read"] + used["written"]
    return Ran(0, ledger["seconds"], total, total - used["cached"])


def patch(way: Way, task: int) -> Ran:
    """Have a file changed in a repository of its own, by a task of which the recorded edit applies."""
    asked = tasks()[_patched()[task].task]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        _repository(root, asked.path, files()[asked.path])
        command = ["run", "--repo", str(root), "--test", f"{sys.executable} -m pytest -q", "--no-lint"]
        command += ["--apply", "none", "--yes", "--fusion", "never" if way == ways("")[ALONE] else "always"]
        command += ["--mode", way.mode] + (["--pool", way.others] if way.others else [])
        done = _agent([*command, "--", asked.task], MOOT_SAMPLES=str(way.samples))
    if done.returncode:
        return Ran(done.returncode)
    result = json.loads(done.stdout)
    used = result["tokens"]  # of all models
    total = used["prompt"] + used["completion"]
    return Ran(0, result["seconds"], total, total - used["cached"])


KINDS: Mapping[str, Callable[[Way, int], Ran]] = {"text": text, "patch": patch}


def _patched() -> Sequence[Answer]:
    """Return recorded answers that became what was asked for, one of each short Python file."""
    found: dict[str, Answer] = {}
    for each in answers(PROFILE):
        path = tasks()[each.task].path
        if each.form != EditFormat.SEARCH_REPLACE or path in found or not path.endswith(".py"):
            continue
        changed = changed_by(each) if len(files()[path]) <= MOST_PATCHED else None
        if changed is not None and is_right(each, changed):
            found[path] = each
    return list(found.values())


def _repository(root: Path, path: str, content: bytes) -> None:
    source = root / path
    source.parent.mkdir(parents=True)
    source.write_bytes(f"# {secrets.token_hex(8)}\n".encode() + content)
    test = f"def test_it_compiles():\n    compile(open({path!r}).read(), {path!r}, 'exec')\n"
    (root / "test_compiles.py").write_text(test, encoding="utf-8")
    name = ["-c", "user.name=bench", "-c", "user.email=bench@example.org"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], [*name, "commit", "-qm", "base"]):
        subprocess.run(["git", *words], cwd=root, check=True)


def _agent(words: Sequence[str], stdin: str = "", **environment: str) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        [AGENT, *words[:1], "--output", "json", *words[1:]],
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )
    if done.returncode:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
    return done
