"""Starts the fork server by itself, for trials where the test command is no call of pytest.

It runs in an interpreter that may lack pytest: of this the server needs the marks on its hooks alone.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any

__all__: list[str] = []


def _unmarked(*_: Any, **__: Any) -> Any:
    def mark(function: Any) -> Any:
        return function

    return mark


def _server() -> Any:
    stand_in: Any = types.ModuleType("pytest")
    stand_in.hookimpl = _unmarked
    sys.modules["pytest"] = stand_in
    try:
        return importlib.import_module("moot_warm")
    finally:
        del sys.modules["pytest"]


if __name__ == "__main__":
    child = _server().serve()
    importlib.import_module("moot_trial").observe_all(child)
