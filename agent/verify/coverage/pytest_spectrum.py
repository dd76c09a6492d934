"""A pytest plugin that notes which lines each test executes.

It runs in the interpreter of the repository under test, so it needs Python 3.7, pytest and the tracer beside
it only. It is copied into the workspace and never imported by the program itself.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["pytest_configure"]


class _Plugin:
    """Tells the recorder of each test's beginning, outcome and end."""

    def __init__(self, recorder: Any) -> None:
        self._recorder = recorder

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        self._recorder.enter(item.nodeid)
        yield
        self._recorder.leave()

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            self._recorder.note(report.nodeid, "failed")
        elif report.when == "call" and report.passed:
            self._recorder.note(report.nodeid, "passed")

    def pytest_unconfigure(self) -> None:
        self._recorder.write()


@pytest.hookimpl(hookwrapper=True)
def pytest_load_initial_conftests(early_config: Any) -> Iterator[None]:
    """Keep pytest-cov from starting: two tracers in one process would lose each other's lines."""
    if getattr(early_config.known_args_namespace, "cov_source", None):
        early_config.known_args_namespace.cov_source = None
    yield


def pytest_configure(config: Any) -> None:
    """Start measuring."""
    recorder = importlib.import_module("moot_lines").Recorder()
    config.pluginmanager.register(_Plugin(recorder), "moot-spectrum-recorder")
    recorder.start()
