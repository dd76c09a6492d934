"""A pytest plugin that turns one call of pytest into many: a fork of it for each version of some files.

The parent has imported pytest, its plugins and what the tests import from elsewhere, and nothing of the
workspace; a child puts a version of the workspace's files to the test as if it had been started by itself.

It runs in the interpreter of the repository under test, so it needs Python 3.7 and pytest only. It is copied
into the workspace and never imported by the program itself. What a version does to the files of the workspace
is undone, or ends the work: the caller then runs what is left one by one.
"""

from __future__ import annotations

import base64
import contextlib
import importlib
import json
import os
import random
import select
import shutil
import signal
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pytest_load_initial_conftests", "serve"]

_CACHES = ("__pycache__", ".git", "node_modules", ".mypy_cache", ".pytest_cache", ".venv", "venv")
_MOST_FILES = 20_000
"""Files of a workspace beyond which looking after each version would cost more than it gains."""

_LONGEST = 8 * 2**20
"""Bytes that a version may answer."""

_MESSAGE = 4_000
_TICK = 0.02  # seconds

Json = Any


class _Files:
    """The files of the workspace: puts versions in place, and everything back as it was."""

    def __init__(self, root: Path, paths: set[str]) -> None:
        self._root = root
        self._base = {path: self._read(path) for path in paths}
        self._before = self._look()

    @property
    def too_many(self) -> bool:
        return len(self._before) > _MOST_FILES

    def put(self, files: dict[str, bytes | None]) -> None:
        for path, data in files.items():
            self._write(path, data)

    def put_back(self, files: dict[str, bytes | None]) -> bool:
        """Undo a version and what its tests left; False when they changed other files, too."""
        for path in files:
            self._write(path, self._base[path])
        now = self._look()
        for path in sorted(set(now) - set(self._before)):
            place = self._root / path
            if place.is_dir() and not place.is_symlink():
                shutil.rmtree(str(place), ignore_errors=True)
            elif place.is_symlink() or place.exists():
                place.unlink()
        changed = {path for path, state in self._before.items() if now.get(path) != state}
        self._before.update({path: now[path] for path in files if path in now and path in self._before})
        return changed <= set(files)

    def _read(self, path: str) -> bytes | None:
        place = self._root / path
        return place.read_bytes() if place.is_file() else None

    def _write(self, path: str, data: bytes | None) -> None:
        """Replace a file and forget its byte code, which is compared by the second and the size only."""
        place = self._root / path
        for stale in (place.parent / "__pycache__").glob(place.stem + ".*.pyc"):
            stale.unlink()
        mode = place.stat().st_mode if place.exists() else 0o644
        if place.is_symlink() or place.exists():
            place.unlink()
        if data is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
            place.chmod(mode & 0o777)

    def _look(self) -> dict[str, tuple[int, int]]:
        """Return time and size of each file, and the folders, caches and our own left out."""
        found: dict[str, tuple[int, int]] = {}
        folders = [""]
        while folders and len(found) <= _MOST_FILES:
            folder = folders.pop()
            with os.scandir(str(self._root / folder)) as entries:
                for entry in entries:
                    if entry.name in _CACHES or entry.name.startswith(".moot-"):
                        continue
                    path = folder + entry.name
                    if entry.is_dir(follow_symlinks=False):
                        found[path] = (0, 0)
                        folders.append(path + "/")
                    else:
                        status = entry.stat(follow_symlinks=False)
                        found[path] = (status.st_mtime_ns, status.st_size)
        return found


class _Server:
    """Runs the versions one after the other, and keeps what they answer."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._root = folder, folder.parent
        self._orders = json.loads((folder / "orders.json").read_text(encoding="utf-8"))
        self._versions = [
            (version, {path: _bytes(data) for path, data in version["files"].items()})
            for version in self._orders["versions"]
        ]
        self._files = _Files(self._root, {path for _, files in self._versions for path in files})
        self._answers: dict[str, Json] = {}
        self._ends = time.monotonic() + self._orders["seconds"]
        self._inputs: list[Json] = []

    def serve(self) -> _Child | None:
        """Run all versions and end the process; in a child return what it has to do."""
        if self._files.too_many or self._own():
            os._exit(3)
        passed = 0
        for number, (version, files) in enumerate(self._versions):
            child = self._run(number, version, files)
            if child is not None:
                return child
            answer = self._answers[version["name"]]
            passed += bool(answer["ended"]) and self._passes(answer)
            if passed >= self._orders["enough"] or time.monotonic() > self._ends or not answer["tidy"]:
                break
            if number == 0:
                if not self._warm_up(answer):
                    break
                if version["job"] != "test":
                    continue
                child = self._run(number, version, files)  # what was imported must not change the answer
                if child is not None:
                    return child
                if _outcomes(self._answers[version["name"]]) != _outcomes(answer):
                    self._answers = {version["name"]: {**answer, "tidy": False}}
                    self._write()
                    break
        os._exit(0)

    def _warm_up(self, answer: Json) -> bool:
        """Import what the first version imported from elsewhere; False where that is not safe."""
        found, sys.path[:] = list(sys.path), [path for path in sys.path if self._foreign(path)]
        for name in answer.pop("modules", ()):
            # An import that needs what a conftest sets up fails here; a child then does it by itself.
            with contextlib.suppress(Exception, SystemExit):
                importlib.import_module(name)
        sys.path[:] = found
        return not self._own() and threading.active_count() == 1

    def _own(self) -> list[str]:
        """Return imported modules of the workspace: a child would not import them anew."""
        files = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
        return [name for name, file in files if file and not self._foreign(file)]

    def _foreign(self, path: str) -> bool:
        place = os.path.realpath(path) if path else str(self._root)
        ours = (place + os.sep).startswith(str(self._folder) + os.sep)
        inside = (place + os.sep).startswith(str(self._root) + os.sep)
        return ours or not inside or "site-packages" in place or "dist-packages" in place

    def _run(self, number: int, version: Json, files: dict[str, bytes | None]) -> _Child | None:
        self._files.put(files)
        readable, writable = os.pipe()
        process = os.fork()
        if process == 0:
            os.setsid()
            os.close(readable)
            return _Child(self, version, writable)
        os.close(writable)
        started = time.monotonic()
        said, ended = _listen(readable, process, min(self._ends, started + self._orders["each"]))
        os.close(readable)
        _end_all(process)
        self._answers[version["name"]] = {
            "ended": ended,
            "late": not ended and time.monotonic() - started >= self._orders["each"],
            "seconds": time.monotonic() - started,
            "tidy": self._files.put_back(files),
            **said,
        }
        self._inputs = said.get("inputs", self._inputs)
        self._write()
        return None

    def _passes(self, answer: Json) -> bool:
        passed = {name for name, outcome, _ in answer.get("tests", ()) if outcome == "passed"}
        return bool(passed) and passed >= set(self._orders["targets"])

    def _write(self) -> None:
        """Write everything anew, while nothing of any version is left that could change it."""
        new = self._folder / "out" / "new"
        new.write_text(json.dumps(self._answers), encoding="utf-8")
        new.replace(self._folder / "out" / "answers.json")

    @property
    def orders(self) -> Json:
        return self._orders

    @property
    def inputs(self) -> list[Json]:
        return self._inputs

    def modules(self) -> list[str]:
        """Return what is imported from elsewhere, in the order of the imports."""
        known = ((name, getattr(module, "__file__", None)) for name, module in list(sys.modules.items()))
        return [name for name, file in known if file and self._foreign(file) and name != "__main__"]


class _Child:
    """One version in a process of its own: tells the parent what its tests say."""

    def __init__(self, server: _Server, version: Json, pipe: int) -> None:
        self.server, self.version = server, version
        self._pipe = pipe
        self._tests: dict[str, tuple[str, str]] = {}
        for name in ("MOOT_WARM", "PYTEST_PLUGINS"):
            os.environ.pop(name, None)
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        sys.dont_write_bytecode = True
        importlib.invalidate_caches()
        random.seed()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)

    def say(self, **facts: Json) -> None:
        """Tell the parent something."""
        data = (json.dumps(facts) + "\n").encode()
        while data:
            data = data[os.write(self._pipe, data) :]

    def let_go(self) -> None:
        """Close what leads to the parent, in a process that has nothing to say to it."""
        os.close(self._pipe)

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when != "call" and report.passed:
            return
        outcome = "error" if report.failed and report.when != "call" else report.outcome
        known = self._tests.get(report.nodeid)
        if known is None or known[0] in ("passed", "skipped"):
            self._tests[report.nodeid] = (outcome, str(report.longreprtext)[-_MESSAGE:])

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed:
            self._tests[report.nodeid] = ("error", str(report.longreprtext)[-_MESSAGE:])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        tests = [(name, outcome, message) for name, (outcome, message) in self._tests.items()]
        self.say(tests=tests, modules=self.server.modules())
        self.say(end=True)


def _bytes(data: str | None) -> bytes | None:
    return None if data is None else base64.b64decode(data)  # an empty file is none that is deleted


def _outcomes(answer: Json) -> list[Json]:
    return [test[:2] for test in answer.get("tests", ())]


def _listen(pipe: int, process: int, ends: float) -> tuple[dict[str, Json], bool]:
    """Return what a child says until it ends, and whether it came to its own end in time."""
    data = b""
    while time.monotonic() < ends and len(data) < _LONGEST:
        if not select.select([pipe], [], [], _TICK)[0]:
            if os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                break
            continue
        piece = os.read(pipe, 65_536)
        data += piece
        if not piece or data.endswith(b'{"end": true}\n'):
            break
    said: dict[str, Json] = {}
    for line in data.split(b"\n"):
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            facts = json.loads(line)
            for name, value in facts.items():
                if name in ("calls", "trials", "returns"):
                    said.setdefault(name, []).extend(value)
                else:
                    said[name] = value
    return said, bool(said.pop("end", False))


def _end_all(process: int) -> None:
    """Kill a child, its group and whatever else descends from it: orphans are handed to this process."""
    with contextlib.suppress(OSError):
        os.killpg(process, signal.SIGKILL)
    while True:
        for child in _children():
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def _children() -> list[int]:
    try:
        return [int(word) for word in Path("/proc/thread-self/children").read_text().split()]
    except OSError:
        return []


def _adopt_orphans() -> None:
    with contextlib.suppress(ImportError, OSError, AttributeError):
        ctypes = importlib.import_module("ctypes")
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER


@pytest.hookimpl(hookwrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: Any) -> Iterator[None]:
    """Serve; a child goes on from here as the pytest that was called."""
    if "MOOT_WARM" in os.environ:
        child = serve()
        early_config.pluginmanager.register(child, "moot-warm-child")
        if child.version["job"] != "test":
            calls = importlib.import_module("moot_calls")
            early_config.pluginmanager.register(calls.plugin(child), "moot-warm-calls")
    yield


def serve() -> Any:
    """Run all versions; return in a child alone, which has to do what its version says."""
    _adopt_orphans()
    child = _Server(Path(os.environ["MOOT_WARM"])).serve()
    assert child is not None
    return child
