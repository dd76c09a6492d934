"""Runs a few lines in this process and tells what their last expression is, as a prompt does.

It runs in the interpreter of the repository under test, so it needs Python 3.7 only; it is never imported by
the program itself.
"""

from __future__ import annotations

import ast
import asyncio
import hashlib
import importlib
import inspect
import io
import itertools
import sys
import textwrap
import traceback
import types
from typing import Any

__all__ = ["observe", "raised", "said"]

_LONGEST = 400
"""Characters of what is observed; more is cut and told by its digest."""

_PRINTED = 20_000
_ITEMS = 100
"""Items of a generator that are looked at."""

_CODE = "<trial>"
_VALUE = "__moot_value__"
_TOP_LEVEL_AWAIT = getattr(ast, "PyCF_ALLOW_TOP_LEVEL_AWAIT", 0)

Said = Any
"""`{"kind": …, "text": …}`"""


class _Printed(io.BytesIO):
    """Keeps the beginning of what is printed."""

    def write(self, data: Any) -> int:
        """Take some bytes, of which only the first ones are kept."""
        if self.tell() < _PRINTED:
            super().write(data)
        return len(data)


def observe(code: str, module: Any, failure: Said) -> Said:
    """Run code and return what its last expression is."""
    printed = _Printed()
    sys.stdin = io.StringIO("")
    sys.stdout = io.TextIOWrapper(printed, "utf-8", "replace", write_through=True)
    sys.stderr = io.StringIO()
    try:
        compiled, shows = _compiled(textwrap.dedent(code).strip())
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        return said("unusable", f"{type(exc).__name__}: {exc}")
    names = _reach(module)
    try:
        value = _value(compiled, names)
        text = _shown(value) if shows else ""
    except BaseException as exc:  # noqa: BLE001 - whatever the code under test raises is what it shows
        return (failure if failure and isinstance(exc, NameError) and _own(exc) else None) or raised(exc)
    words = printed.getvalue().decode("utf-8", "replace").rstrip()
    return said("value", "\n".join(filter(None, [words, text])) or "None")


def _compiled(code: str) -> tuple[Any, bool]:
    """Return code that leaves its last expression in a name, and whether there is one to be shown."""
    tree = ast.parse(code, _CODE)
    last: Any = tree.body[-1] if tree.body else None
    if isinstance(last, ast.Assign) and isinstance(last.targets[0], ast.Name):
        tree.body.append(ast.copy_location(ast.Expr(ast.Name(last.targets[0].id, ast.Load())), last))
        last = tree.body[-1]
    value = last.test if isinstance(last, ast.Assert) else getattr(last, "value", None)
    if not isinstance(last, (ast.Expr, ast.Assert)) or value is None:
        return compile(tree, _CODE, "exec", _TOP_LEVEL_AWAIT), False
    tree.body[-1] = ast.copy_location(ast.Assign([ast.Name(_VALUE, ast.Store())], value), last)
    prints = isinstance(value, ast.Call) and getattr(value.func, "id", "") == "print"
    ast.fix_missing_locations(tree)
    return compile(tree, _CODE, "exec", _TOP_LEVEL_AWAIT), not prints


def _reach(module: Any) -> dict[str, Any]:
    """Return the names that code may use: those of the module, and what it is called itself."""
    names: dict[str, Any] = {}
    if module is not None:
        top = module.__name__.partition(".")[0]
        names[top] = sys.modules.get(top, module)
        names[module.__name__.rpartition(".")[2]] = module
        own: dict[str, Any] = module.__dict__
        names.update((name, each) for name, each in own.items() if not name.startswith("__"))
    return {**names, "__name__": "__trial__", "__builtins__": __builtins__}


def _value(compiled: Any, names: dict[str, Any]) -> Any:
    running = eval(compiled, names)
    if compiled.co_flags & inspect.CO_COROUTINE:
        asyncio.run(running)
    value = names.get(_VALUE)
    if inspect.iscoroutine(value):
        return asyncio.run(value)
    return value


def _shown(value: Any) -> str:
    shown = importlib.import_module("moot_shown").shown
    if inspect.isgenerator(value):
        return shown(list(itertools.islice(value, _ITEMS)))
    return shown(value)


def raised(exc: BaseException) -> Said:
    """Return what an exception says: of the code under test, or that the lines themselves cannot run."""
    name = type(exc).__name__
    module = isinstance(exc, AttributeError) and isinstance(getattr(exc, "obj", None), types.ModuleType)
    own = (isinstance(exc, (NameError, ImportError)) or module) and _own(exc)
    try:
        text = importlib.import_module("moot_shown").plain(f"{name}: {exc}".rstrip(": "))
    except Exception:  # noqa: BLE001 - an exception's text is code under test
        text = name
    return said("unusable" if own else "error", text)


def _own(exc: BaseException) -> bool:
    """Whether the trial's own lines raised it."""
    files = [frame.filename for frame in traceback.extract_tb(exc.__traceback__)]
    files = [file for file in files if not file.startswith("<frozen importlib")]
    return bool(files) and files[-1] == _CODE


def said(kind: str, text: str) -> Said:
    """Return an observation with a text of bounded length."""
    if len(text) > _LONGEST:
        digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12]
        text = f"{text[: _LONGEST - 60]}… ({len(text)} characters, {digest})"
    return {"kind": kind, "text": text.encode("utf-8", "replace").decode()}
