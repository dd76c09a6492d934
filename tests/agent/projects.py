"""Small real repositories, and the command line run on them as a process of its own."""

import atexit
import functools
import json
import os
import pty
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.agent.zygote import Zygote

BUGGY = "def mean(values):\n    return sum(values) / (len(values) - 1)\n"
FIXED = BUGGY.replace(" (len(values) - 1)", " len(values)")
TEST = """\
from stats import mean


def test_mean():
    assert mean([1, 2, 3]) == 2


def test_one():
    assert True
"""
FIX = (
    "<<<<<<< SEARCH stats.py\n"
    "    return sum(values) / (len(values) - 1)\n"
    "=======\n"
    "    return sum(values) / len(values)\n"
    ">>>>>>> REPLACE\n"
)
TASK = "mean() divides by the wrong number"
PYTEST = f"env PYTEST_DISABLE_PLUGIN_AUTOLOAD=1 {sys.executable} -m pytest -q"
"""Without the plugins of our own environment, which take seconds to load."""


def git(repo: Path, *arguments: str) -> str:
    """Run git as a user would, with an identity and no configuration of this machine."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(repo),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A User",
        "GIT_AUTHOR_EMAIL": "user@example.org",
        "GIT_COMMITTER_NAME": "A User",
        "GIT_COMMITTER_EMAIL": "user@example.org",
    }
    done = subprocess.run(
        ["git", *arguments], cwd=repo, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def make_repository(path: Path, files: dict[str, str] | None = None) -> Path:
    """Create a repository with one commit on `main`: a library with a bug and a test that shows it."""
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    for name, text in (files or {"stats.py": BUGGY, "test_stats.py": TEST}).items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_text(text)
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "Start")
    return path


def snapshot(repo: Path) -> dict[str, Any]:
    """Describe everything that a run must not touch: files, index, refs, HEAD."""
    files = {
        str(file.relative_to(repo)): file.read_bytes()
        for file in sorted(repo.rglob("*"))
        if file.is_file() and ".git" not in file.relative_to(repo).parts
    }
    if not (repo / ".git").exists():
        return {"files": files}
    head = (repo / ".git" / "HEAD").read_text() if (repo / ".git").is_dir() else ""
    return {
        "files": files,
        "status": git(repo, "status", "--porcelain=v2"),
        "refs": git(repo, "for-each-ref"),
        "head": head,
    }


@dataclass(frozen=True)
class Outcome:
    """What the command line did."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def result(self) -> dict[str, Any]:
        return json.loads(self.stdout)

    @property
    def error(self) -> str:
        """The one sentence that a failure prints."""
        lines = [line for line in self.stderr.splitlines() if line.startswith("error: ")]
        assert len(lines) == 1, self.stderr
        return lines[0].removeprefix("error: ")


@functools.cache
def _zygote() -> Zygote:
    """Return the parent of all commands of this test process."""
    zygote = Zygote().__enter__()
    atexit.register(zygote.__exit__)
    return zygote


@dataclass(frozen=True)
class Agent:
    """The command with a data folder of its own; `tests/agent/zygote.py` says how it is started fast."""

    home: Path
    base_url: str | None = None

    @property
    def environment(self) -> dict[str, str]:
        given = {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "MOOT_DATA_DIR": str(self.home / "data"),
            "MOOT_READ_TIMEOUT": "20",
            "COLUMNS": "200",
        }
        return given | ({"MOOT_BASE_URL": self.base_url} if self.base_url else {})

    @property
    def program(self) -> str:
        return str(Path(sys.executable).parent / "agent")

    def start(self, *arguments: str, **more: Any) -> "subprocess.Popen[str]":
        """Start the command and return at once; what it says can be read from pipes."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            [self.program, *arguments],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            text=True,
            **(pipes | more),
        )

    def __call__(self, *arguments: str, stdin: str = "") -> Outcome:
        with tempfile.TemporaryDirectory(prefix="moot-test-") as folder:
            streams = {name: Path(folder, name) for name in ("stdin", "stdout", "stderr")}
            streams["stdin"].write_text(stdin, errors="surrogateescape")
            process = _zygote().start(*arguments, env=self.environment, **streams)
            status = _zygote().wait_for(process, 100)
            said = [streams[name].read_text(errors="surrogateescape") for name in ("stdout", "stderr")]
        return Outcome(status, *said)

    def installed(self, *arguments: str, stdin: str = "") -> Outcome:
        """Run the installed program, as a user does."""
        done = subprocess.run(
            [self.program, *arguments],
            env=self.environment,
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            timeout=100,
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    def run(self, repo: Path, *arguments: str, task: str = TASK, test: str = PYTEST) -> Outcome:
        """`agent run` with JSON output."""
        return self("run", task, "--repo", str(repo), "--test", test, "--output", "json", *arguments)

    def resume(self, repo: Path, run_id: str, *arguments: str) -> Outcome:
        """`agent run --resume` with JSON output."""
        return self("run", "--resume", run_id, "--repo", str(repo), "--output", "json", *arguments)


@contextmanager
def asking(
    command: Agent, repo: Path, *options: str, typed: bytes = b""
) -> Iterator[tuple["subprocess.Popen[str]", int, bytes]]:
    """Run a task on a terminal until it asks: the process, the other end, and what is on the screen.

    `typed` is what is on its way before. With `--resume` among the options there is no task.
    """
    main, terminal = pty.openpty()
    os.write(main, typed)
    begun = () if "--resume" in options else (TASK, "--test", PYTEST)
    process = subprocess.Popen(
        [command.program, "run", *begun, "--repo", str(repo), "--output", "json", *options],
        env=command.environment,
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
    )
    os.close(terminal)
    shown = b""
    while b"Publish this edit?" not in shown:
        shown += os.read(main, 4096)
    try:
        yield process, main, shown
    finally:
        process.kill()
        process.wait()
        os.close(main)
