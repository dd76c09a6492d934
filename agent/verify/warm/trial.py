"""Runs trials in a fork of the fork server: each in a process of its own, with its module's names in reach.

It runs in the interpreter of the repository under test, so it needs Python 3.7 only; it is never imported by
the program itself.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import resource
import select
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

__all__ = ["observe_all"]

_ANSWER = 65_536  # bytes
_WAITING = 4
"""Times its processor's time that a trial may take: others may keep the machine busy, and it may sleep."""

Said = Any
"""`{"kind": …, "text": …}`"""


class _TooLong(BaseException):
    """An import took too long; no `except Exception` of the code under test catches it."""


def observe_all(child: Any) -> None:
    """Tell the fork server what each trial shows, and end the process."""
    orders, observer = child.server.orders, importlib.import_module("moot_observe")
    sys.path.append(str(Path.cwd()))  # what `python -m pytest` does, and what a bare one leaves to its tests
    modules: dict[str, tuple[Any, Said]] = {}
    for identity, path, code in orders["trials"]:
        if path not in modules:
            modules[path] = _load(path, orders["limit"], observer)
        answer = _apart(child, lambda code=code, path=path: observer.observe(code, *modules[path]))
        child.say(trials=[{"id": identity, **answer}])
    child.say(tests=[], modules=child.server.modules())
    child.say(end=True)
    os._exit(0)


def _load(path: str, limit: float, observer: Any) -> tuple[Any, Said]:
    """Return the module of a file, or what comes of importing it."""
    place = Path.cwd() / path
    if not place.is_file():
        return None, observer.said("unusable", path + " is not there in this version")
    failure = observer.said("unusable", path + " cannot be imported")
    for root, name in _names(place):
        if str(root) not in sys.path:
            sys.path.insert(0, str(root))
        try:
            with _within(limit):
                module = importlib.import_module(name)
        except _TooLong:
            return None, observer.said("late", "importing " + path)
        except ImportError as exc:
            failure = observer.raised(exc)
            continue
        except BaseException as exc:  # noqa: BLE001 - whatever a module raises
            return None, observer.raised(exc)
        if os.path.realpath(str(getattr(module, "__file__", ""))) == os.path.realpath(str(place)):
            return module, None
    return None, failure


def _names(place: Path) -> Iterator[tuple[Path, str]]:
    """Yield folders to import from and names of the module: first from where Python searches already."""
    top = Path.cwd()
    inside = [folder for folder in place.parents if folder == top or top in folder.parents]
    roots = [folder for folder in inside if not (folder / "__init__.py").is_file()] or [top]
    known = [folder for folder in roots if str(folder) in sys.path[:-1]]
    for root in dict.fromkeys([*known, roots[0], roots[-1]]):
        parts = place.relative_to(root).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            yield root, name


def _apart(child: Any, observe: Callable[[], Said]) -> Said:
    """Return what is observed in a process of its own."""
    limit, said = child.server.orders["limit"], importlib.import_module("moot_observe").said
    readable, writable = os.pipe()
    process = os.fork()
    if process == 0:
        child.let_go()
        os.close(readable)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit), math.ceil(limit) + 1))
        os.write(writable, json.dumps(observe()).encode())
        os._exit(0)
    os.close(writable)
    ends = time.monotonic() + _WAITING * limit
    data = _listen(readable, process, ends)
    os.close(readable)
    late = not data and time.monotonic() >= ends
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(OSError):
            kill(process, signal.SIGKILL)
    status = os.waitpid(process, 0)[1]
    if late or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return said("late", "no end")
    with contextlib.suppress(ValueError, KeyError, TypeError):
        answer = json.loads(data)
        return said(str(answer["kind"]), str(answer["text"]))
    how = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"status {os.WEXITSTATUS(status)}"
    return said("error", f"SystemExit: the process ended with {how}")


def _listen(pipe: int, process: int, ends: float) -> bytes:
    data = b""
    while time.monotonic() < ends and len(data) < _ANSWER:
        if select.select([pipe], [], [], 0.02)[0]:
            piece = os.read(pipe, 65_536)
            data += piece
            if not piece or data.endswith(b"}"):
                break
        elif os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            break
    return data


@contextlib.contextmanager
def _within(seconds: float) -> Generator[None]:
    signal.signal(signal.SIGPROF, _too_long)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _too_long(*_: Any) -> None:
    raise _TooLong
