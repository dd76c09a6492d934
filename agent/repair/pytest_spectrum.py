"""A pytest plugin that notes which lines each test executes.

It runs in the interpreter of the repository under repair, so it needs Python 3.7 and pytest only;
coverage.py is used when the copy beside this file can be imported, `sys.settrace` otherwise. It is
copied into the workspace and never imported by the program itself.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pytest_configure"]


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


class _Spectrum:
    """Switches the context with the tests and writes everything down at the end."""

    def __init__(self, tracer: Any, root: str, out: str) -> None:
        self._tracer = tracer
        self._root = root
        self._out = out
        self._outcomes: dict[str, str] = {}

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self._tracer.enter(item.nodeid)
        yield
        self._tracer.enter("")

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._outcomes[report.nodeid] = "failed"
        elif report.when == "call" and report.passed:
            self._outcomes.setdefault(report.nodeid, "passed")

    def pytest_unconfigure(self) -> None:
        tests = sorted(self._outcomes)
        number = {test: index for index, test in enumerate(tests)}
        lines: dict[str, dict[int, list[int]]] = {}
        for path, contexts in self._tracer.stop().items():
            if not path.startswith(self._root) or os.sep + "site-packages" + os.sep in path:
                continue
            lines[path[len(self._root) :].replace(os.sep, "/")] = {
                line: sorted(number[test] for test in names if test in number)
                for line, names in contexts.items()
            }
        outcomes = [self._outcomes[test] for test in tests]
        record: dict[str, object] = {
            "tool": self._tracer.name,
            "tests": tests,
            "outcomes": outcomes,
            "lines": lines,
        }
        Path(self._out, str(os.getpid()) + ".json").write_text(json.dumps(record))


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


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: Any) -> Iterator[None]:
    """Keep pytest-cov from starting: two tracers in one process would lose each other's lines."""
    if getattr(early_config.known_args_namespace, "cov_source", None):
        early_config.known_args_namespace.cov_source = None
    yield


def pytest_configure(config: Any) -> None:
    """Start measuring."""
    out = str(Path(os.environ["MOOT_SPECTRUM"]).resolve())
    root = str(Path.cwd()) + os.sep
    tracer = _tracer(root)
    config.pluginmanager.register(_Spectrum(tracer, root, out), "moot-spectrum-recorder")
    tracer.start()
