"""What other tools make of the same answers: aider, `git apply` and GNU patch."""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.agent.edits.recorded import Answer, files, tasks

__all__ = ["Outcome", "aider_outcomes", "command_outcomes"]

AIDER = "aider-chat==0.86.2"
# What importing aider's two coders takes; all of aider's requirements are 100 packages.
_NEEDED = (
    *("packaging", "rich", "json5", "PyYAML", "pillow", "requests", "urllib3", "idna", "certifi", "oslex"),
    *("mslex", "httpx", "pyperclip", "prompt-toolkit", "wcwidth", "pydub", "importlib_resources", "pygments"),
    *("markdown-it-py", "mdurl", "pathspec", "pexpect", "ptyprocess", "psutil", "pypandoc", "grep-ast"),
    *("tree_sitter_languages", "tree_sitter", "diskcache", "tqdm", "diff-match-patch"),
)
COMMANDS = {
    "git apply": ("git", "apply", "-"),
    "git apply --recount": ("git", "apply", "--recount", "-"),
    "GNU patch": ("patch", "-p1", "--batch", "--forward", "--no-backup-if-mismatch", "--reject-file=-"),
}
_HEAD = re.compile(r"^(<{5,9} SEARCH) +(\S.*)$", re.MULTILINE)
_GIT_LINES = re.compile(r"^(?:diff --git|index) .*\n", re.MULTILINE)
_PREFIX = re.compile(r"^(--- |\+\+\+ )[ab]/", re.MULTILINE)
_FENCED = re.compile(r"```diff\n(.*?)(?:\n```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Whether a tool refused an answer, and the files that it changed all the same or added."""

    refused: bool
    changed: Mapping[str, bytes]


def aider_outcomes(asked: Sequence[Answer]) -> list[Outcome] | None:
    """Apply search/replace answers and diffs with aider's own classes; None where aider cannot be installed.

    Blocks get the path on a line of its own, and diffs a fence and plain paths, as aider's prompts ask.
    """
    cases = [
        {
            "form": answer.form,
            "text": _for_aider(answer),
            "path": tasks()[answer.task].path,
            "content": _content(answer).decode(),
        }
        for answer in asked
    ]
    with tempfile.TemporaryDirectory() as scratch:
        python = str(Path(scratch) / "bin" / "python")
        install = [python, "-m", "pip", "install", "-q", "--no-deps", AIDER, *_NEEDED]
        for command in ([sys.executable, "-m", "venv", scratch], install):
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(done.stderr, file=sys.stderr)
                return None
        driver = str(Path(__file__).with_name("aider_apply.py"))
        done = subprocess.run(
            [python, driver], input=json.dumps(cases), capture_output=True, text=True, check=True
        )
    return [
        Outcome(result["refused"], _changed(answer, {k: v.encode() for k, v in result["files"].items()}))
        for answer, result in zip(asked, json.loads(done.stdout), strict=True)
    ]


def command_outcomes(name: str, asked: Sequence[Answer]) -> list[Outcome]:
    """Apply diffs with one of the commands, each in a folder with the task's file."""
    return [_command(COMMANDS[name], answer) for answer in asked]


def _command(command: Sequence[str], answer: Answer) -> Outcome:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch)
        file = root / tasks()[answer.task].path
        file.parent.mkdir(parents=True)
        file.write_bytes(_content(answer))
        found = _FENCED.search(answer.text)
        diff = f"{found[1] if found else answer.text}\n"
        environment = {"PATH": "/usr/bin:/bin", "HOME": scratch, "GIT_CEILING_DIRECTORIES": scratch}
        done = subprocess.run(
            command, input=diff.encode(), cwd=root, env=environment, capture_output=True, check=False
        )
        after = {
            path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
        }
    return Outcome(done.returncode != 0, _changed(answer, after))


def _for_aider(answer: Answer) -> str:
    if answer.form == "search_replace":
        return _HEAD.sub(r"\2\n\1", answer.text)
    text = answer.text if "```diff" in answer.text else f"```diff\n{answer.text}\n```\n"
    return _PREFIX.sub(r"\1", _GIT_LINES.sub("", text))


def _content(answer: Answer) -> bytes:
    return files()[tasks()[answer.task].path]


def _changed(answer: Answer, after: Mapping[str, bytes]) -> dict[str, bytes]:
    path = tasks()[answer.task].path
    return {name: data for name, data in after.items() if name != path or data != _content(answer)}
