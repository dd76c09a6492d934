"""Notes which lines each test executes.

It runs in the interpreter of the repository under test, so it needs Python 3.7 only; coverage.py is used
when the copy beside this file can be imported, `sys.settrace` otherwise. It is copied into the workspace
and never imported by the program itself.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

__all__ = ["Recorder"]


class _CoverageTracer:
    """Lines by context, from coverage.py (measured in C where its extension fits the interpreter)."""

    def __init__(self, coverage: Any, root: str) -> None:
        try:
            importlib.import_module("coverage.tracer")
            core = "ctrace"
        except ImportError:
            core = "pytrace"
        os.environ["COVERAGE_CORE"] = core
        self._coverage = coverage.Coverage(data_file=None, config_file=False, source=[root], messages=False)
        self.name = "coverage.py " + coverage.__version__ + " " + core

    def start(self) -> None:
        self._coverage.start()

    def enter(self, context: str) -> None:
        self._coverage.switch_context(context)

    def stop(self) -> dict[str, dict[int, list[str]]]:
        self._coverage.stop()
        data = self._coverage.get_data()
        return {path: data.contexts_by_lineno(path) for path in data.measured_files()}


class _PlainTracer:
    """The same with `sys.settrace`, for interpreters that our coverage.py does not run on."""

    name = "sys.settrace"

    def __init__(self, root: str) -> None:
        self._root = root
        self._context = ""
        self._hits: dict[str, dict[int, set[str]]] = {}

    def start(self) -> None:
        threading.settrace(self._call)
        sys.settrace(self._call)

    def enter(self, context: str) -> None:
        self._context = context

    def stop(self) -> dict[str, dict[int, list[str]]]:
        sys.settrace(None)
        return {
            path: {line: sorted(contexts) for line, contexts in lines.items()}
            for path, lines in self._hits.items()
        }

    def _call(self, frame: Any, event: str, arg: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(self._root) else None

    def _line(self, frame: Any, event: str, arg: Any) -> Any:
        if event == "line":
            lines = self._hits.setdefault(frame.f_code.co_filename, {})
            lines.setdefault(frame.f_lineno, set()).add(self._context)
        return self._line


class Recorder:
    """Switches the context with the tests and writes everything down at the end."""

    def __init__(self) -> None:
        """Read from the environment where records go: two folders below the top of the workspace."""
        self._out = Path(os.environ["MOOT_SPECTRUM"]).resolve()
        self._root = str(self._out.parents[1]) + os.sep
        self._tracer = _tracer(self._root)
        self._tests: dict[str, str] = {}

    def start(self) -> None:
        """Start measuring."""
        self._tracer.start()

    def enter(self, test: str) -> None:
        """Begin a test."""
        self._tests.setdefault(test, "")
        self._tracer.enter(test)

    def leave(self) -> None:
        """End a test."""
        self._tracer.enter("")

    def note(self, test: str, outcome: str) -> None:
        """Note an outcome; a failure is not taken back."""
        if self._tests.get(test) != "failed":
            self._tests[test] = outcome

    def write(self) -> None:
        """Stop measuring and write the record."""
        tests = sorted(self._tests)
        number = {test: index for index, test in enumerate(tests)}
        lines: dict[str, dict[int, list[int]]] = {}
        for path, contexts in self._tracer.stop().items():
            foreign = path.startswith(str(self._out.parent)) or os.sep + "site-packages" + os.sep in path
            if foreign or not path.startswith(self._root):
                continue
            lines[path[len(self._root) :].replace(os.sep, "/")] = {
                line: sorted(number[test] for test in names if test in number)
                for line, names in contexts.items()
            }
        outcomes = [self._tests[test] for test in tests]
        record: dict[str, object] = {
            "tool": self._tracer.name,
            "tests": tests,
            "outcomes": outcomes,
            "lines": lines,
        }
        (self._out / (str(os.getpid()) + ".json")).write_text(json.dumps(record))


def _tracer(root: str) -> Any:
    folder = str(Path(__file__).resolve().parent / "lib")
    sys.path.insert(0, folder)
    try:
        import coverage

        return _CoverageTracer(coverage, root)
    except (ImportError, SyntaxError):
        return _PlainTracer(root)
    finally:
        sys.path.remove(folder)
