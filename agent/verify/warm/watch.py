"""Part of a forked pytest: notes what functions return while the tests run.

It runs in the interpreter of the repository under test, so it needs Python 3.7 and pytest only; it is never
imported by the program itself.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["watcher"]

_MOST_RETURNS = 12
"""What one test makes a function return that is kept; all of it is counted."""

_SHOWN = 60


def watcher(child: Any, recorder: Any = None) -> Any:
    """Return what a child of the fork server does; a recorder is told of the tests and of the calls."""
    return _Watcher(child, recorder)


class _Watcher:
    """Notes for each test what the wanted functions return."""

    def __init__(self, child: Any, recorder: Any = None) -> None:
        self._child, self._recorder = child, recorder
        root = Path.cwd()
        self._wanted = [
            (str(root / path), name.rpartition(".")[2], first, last)
            for path, name, first, last in child.version["functions"]
        ]
        self._numbers: dict[int, tuple[int, Any]] = {}  # by identity: the hash of a code reads all of it
        self._returns: dict[int, list[Any]] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self._returns = {}
        if self._recorder is not None:
            self._recorder.begin(item.nodeid)
        sys.setprofile(self._event)
        yield
        sys.setprofile(None)
        for number, (count, kept) in sorted(self._returns.items()):
            fact = {"test": item.nodeid, "function": number, "count": count, "values": kept}
            self._child.say(returns=[fact])

    def pytest_sessionfinish(self) -> None:
        if self._recorder is not None:
            self._recorder.end()

    def _event(self, frame: Any, event: str, value: Any) -> None:
        if event not in ("call", "return"):
            return
        code = frame.f_code
        known = self._numbers.get(id(code))
        if known is None:
            known = self._numbers[id(code)] = self._number(code), code
        number = known[0]
        if number >= 0:
            with contextlib.suppress(Exception, RecursionError):  # what has no form is not compared
                if event == "return":
                    self._note(number, value)
                elif self._recorder is not None:
                    self._recorder.record(number, frame)

    def _number(self, code: Any) -> int:
        for number, (file, name, first, last) in enumerate(self._wanted):
            place = code.co_filename == file and code.co_name == name
            if place and first <= code.co_firstlineno <= last:
                return number
        return -1

    def _note(self, number: int, value: Any) -> None:
        """Note a value as (hash, beginning); one that has no form still counts."""
        entry = self._returns.setdefault(number, [0, []])
        entry[0] += 1
        if len(entry[1]) < _MOST_RETURNS:
            text = importlib.import_module("moot_shown").shown(value)
            digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
            entry[1].append([digest, text if len(text) <= _SHOWN else text[:_SHOWN] + "…"])
