"""Starts the real `agent` command fast: one process imports everything and forks a child for each.

A child is what the installed program is, but for what Python does before the program's first line, for
the order of sets, which is the same in all children of one process, and for the time between two attempts of
a request, which is none. So what depends on how Python starts,
on signals and terminals is shown by the installed program: `Agent.start`, `Agent.installed` and `asking`.
`test_zygote.py` shows that each subcommand imports what it needs by itself, and says the same in both.

As a program it reads one JSON request a line, `{"argv": [], "env": {}, "cwd": path, "stdin": path, "stdout":
path, "stderr": path}`, and answers with the child's process id, which is also that of its process group. To
the process id of a child that has ended it answers with its exit status. To the request `null` it answers
with the exit statuses of all children, once they and everything that they started are gone, where it adopts
what they leave.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Self

import stamina

_PR_SET_CHILD_SUBREAPER = 36


class Zygote:
    """The parent of many commands; several threads may start them.

    Args:
        adopt: be the parent, too, of what the commands leave running.
    """

    def __init__(self, adopt: bool = False) -> None:
        self._adopt = adopt
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, __file__, *(["adopt"] if self._adopt else [])],
            env={"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1"},  # numpy's would not be forked
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == "ready"
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=30)

    def start(
        self, *argv: str, env: dict[str, str], stdout: Path, stderr: Path, stdin: Path = Path(os.devnull)
    ) -> int:
        """Start `agent ARGV` in the present folder and return its process id."""
        streams = {"stdin": str(stdin), "stdout": str(stdout), "stderr": str(stderr)}
        return int(self._ask({"argv": argv, "env": env, "cwd": str(Path.cwd()), **streams}))

    def wait_for(self, process: int, seconds: float) -> int:
        """Wait for the end of one command alone; a signal is a negative number."""
        ended = select.poll()
        descriptor = os.pidfd_open(process)
        ended.register(descriptor)
        try:
            if not ended.poll(seconds * 1000):
                os.killpg(process, signal.SIGKILL)
                raise TimeoutError(f"the command did not end within {seconds:.0f} s")
        finally:
            os.close(descriptor)
        return int(self._ask(process))

    def wait(self) -> int:
        """Wait for the end of the only command; a signal is a negative number."""
        (status,) = self.wait_for_all().values()
        return status

    def wait_for_all(self) -> dict[int, int]:
        """Wait for the end of all commands and of all their children; return the statuses by process id."""
        return {int(process): status for process, status in json.loads(self._ask(None)).items()}

    def _ask(self, request: object) -> str:
        assert self._process.stdin is not None
        with self._lock:
            print(json.dumps(request), file=self._process.stdin, flush=True)
            return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


_MODULES = (
    *("moot.agent.cli", "moot.agent.frontend", "git.cmd", "aiosqlite"),
    *("httpcore", "h11", "anyio._backends._asyncio", "tree_sitter_python"),
)
"""All that a run imports, also late."""


def _serve() -> None:
    requests, answers = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    sys.path[0] = str(Path(sys.executable).parent)  # as it is for the installed program
    for module in _MODULES:
        importlib.import_module(module)
    assert len(list(Path("/proc/self/task").iterdir())) == 1, "a fork would lose threads"
    stamina.set_testing(True, attempts=100, cap=True)  # as many attempts as ever, but no waiting
    gc.freeze()
    print("ready", file=answers, flush=True)
    children: set[int] = set()
    for line in requests:
        request = json.loads(line)
        if isinstance(request, dict):
            child = os.fork()
            if child == 0:
                requests.close()
                answers.close()
                _become(request)
            children.add(child)
            answer: object = child
        elif request is None:
            answer, children = _reap(children), set()
        else:
            answer = os.waitstatus_to_exitcode(os.waitpid(request, 0)[1])
            children.remove(request)
        print(json.dumps(answer), file=answers, flush=True)


def _become(request: dict[str, Any]) -> None:
    """Be the command, as if it had been started by a shell: this ends with the interpreter."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(request["cwd"])
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC if number else os.O_RDONLY)
        os.dup2(file, number)
        os.close(file)
    coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}
    os.environ.clear()
    os.environ.update(coerced | request["env"])
    sys.argv = [str(Path(sys.executable).parent / "agent"), *request["argv"]]
    sys.exit(sys.modules["moot.agent.cli"].main())


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
    if "adopt" in sys.argv and ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("prctl")
    _serve()
