"""Starts the real `agent` command fast: one process imports everything and forks a child for each.

As a program it reads one JSON request a line, `{"argv": [], "env": {}, "stdout": path, "stderr": path}`, and
answers with the child's process id, which is also that of its process group. To the request `null` it answers
with the exit statuses of all children, once they and everything that they started are gone.
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

_PR_SET_CHILD_SUBREAPER = 36


class Zygote:
    """The parent of many commands."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self._answer() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def start(self, *argv: str, env: dict[str, str], stdout: Path, stderr: Path) -> int:
        """Start `agent ARGV` and return its process id."""
        request = {"argv": argv, "env": env, "stdout": str(stdout), "stderr": str(stderr)}
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return int(self._answer())

    def wait(self) -> int:
        """Wait for the end of the only command; a signal is a negative number."""
        (status,) = self.wait_for_all().values()
        return status

    def wait_for_all(self) -> dict[int, int]:
        """Wait for the end of all commands and of all their children; return the statuses by process id."""
        assert self._process.stdin is not None
        print("null", file=self._process.stdin, flush=True)
        return {int(process): status for process, status in json.loads(self._answer()).items()}

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


_MODULES = (
    *("moot.agent.cli", "moot.agent.frontend", "git.cmd", "aiosqlite"),
    *("httpcore", "h11", "anyio._backends._asyncio", "tree_sitter_python"),
)
"""All that a run imports, also late."""


def _serve() -> None:
    for module in _MODULES:
        importlib.import_module(module)
    assert threading.active_count() == 1, "a fork would lose threads"
    gc.freeze()
    if ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    print("ready", flush=True)
    children: set[int] = set()
    for line in sys.stdin:
        request = json.loads(line)
        if request is None:
            print(json.dumps(_reap(children)), flush=True)
            children = set()
            continue
        child = os.fork()
        if child == 0:
            _become(request)
        children.add(child)
        print(child, flush=True)


def _become(request: dict[str, Any]) -> None:
    """Be the command, as if it had been started by a shell."""
    os.setsid()
    for number, name in ((1, request["stdout"]), (2, request["stderr"])):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.environ.clear()
    os.environ.update(request["env"])
    sys.argv = ["agent", *request["argv"]]
    status = 70
    try:
        sys.modules["moot.agent.cli"].main()
    except SystemExit as exc:
        status = exc.code if isinstance(exc.code, int) else 1
    finally:
        sys.stdout.flush()
        os._exit(status)


def _reap(children: set[int]) -> dict[int, int]:
    """Wait for commands and, as their adopted parent, for all that they left running."""
    statuses: dict[int, int] = {}
    while True:
        try:
            ended, code = os.waitpid(-1, 0)
        except ChildProcessError:
            return statuses
        if ended in children:
            statuses[ended] = os.waitstatus_to_exitcode(code)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve()
