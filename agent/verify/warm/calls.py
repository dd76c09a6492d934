"""Plugins of a forked pytest: note what functions are called with, and call them with that in other versions.

It runs in the interpreter of the repository under test, so it needs Python 3.7 and pytest only; it is never
imported by the program itself. What is recorded is pickled and read back inside the sandbox alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import doctest
import hashlib
import importlib
import inspect
import itertools
import pickle
import signal
import time
import typing
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

__all__ = ["plugin"]

_MOST_INPUTS = 40
"""Different inputs of a function that are kept, of failing tests and of passing ones each."""

_LARGEST = 100_000
"""Bytes of an input."""

_MOST_BYTES = 4_000_000
"""Bytes of all inputs that are kept: a fork answers with a few megabytes at most."""

_MOST_CALLS = 300
"""Calls of a function with neighbours of its inputs."""

_CALL = 0.5
"""Seconds that one call may take."""

_SHOWN = 200
_RESUMED = inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR


class _TooLong(BaseException):
    """A call took too long; no `except Exception` of the code under test catches it."""


def plugin(child: Any) -> Any:
    """Return what a child of the fork server does with its version."""
    job = child.version["job"]
    if job in ("record", "watch"):
        recorder = _Recorder(child) if job == "record" else None
        return importlib.import_module("moot_watch").watcher(child, recorder)
    return {"probe": _Prober, "trial": _Trier}[job](child)


class _Recorder:
    """Notes the arguments of the wanted functions while the tests run."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._targets = frozenset(child.server.orders["targets"])
        self._seen: dict[tuple[int, bytes], dict[str, Any]] = {}
        self._frames: list[Any] = []
        self._needed = False
        self._left = _MOST_BYTES

    def begin(self, test: str) -> None:
        self._needed = test in self._targets

    def end(self) -> None:
        self._child.say(inputs=list(self._seen.values()))

    def record(self, number: int, frame: Any) -> None:
        if frame.f_code.co_flags & _RESUMED:
            if any(frame is known for known in self._frames[-1000:]):
                return
            self._frames.append(frame)
        arguments = _arguments(frame)
        data = pickle.dumps(arguments, protocol=4)
        key = (number, data)
        if key not in self._seen:
            if self._full(number, len(data)):
                return
            self._left -= len(data)
            new = {"function": number, "module": frame.f_globals["__name__"], "needed": self._needed}
            self._seen[key] = {**new, "data": base64.b64encode(data).decode("ascii")}
        self._seen[key]["needed"] &= self._needed

    def _full(self, number: int, size: int) -> bool:
        alike = (number, self._needed)
        kept = sum((one["function"], one["needed"]) == alike for one in self._seen.values())
        return size > min(_LARGEST, self._left) or kept >= _MOST_INPUTS


def _arguments(frame: Any) -> tuple[list[Any], tuple[Any, ...], dict[str, Any]]:
    """Return positional arguments, those of `*args`, and those by keyword."""
    code, local = frame.f_code, frame.f_locals
    names = code.co_varnames
    count, by_name = code.co_argcount, code.co_kwonlyargcount
    at = count + by_name
    rest: tuple[Any, ...] = ()
    keywords = {name: local[name] for name in names[count:at]}
    if code.co_flags & inspect.CO_VARARGS:
        rest = local[names[at]]
        at += 1
    if code.co_flags & inspect.CO_VARKEYWORDS:
        keywords.update(local[names[at]])
    return [local[name] for name in names[:count]], rest, keywords


class _Prober:
    """Calls the wanted functions in place of running the tests."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._ends = time.monotonic() + child.server.orders["each"] * 0.8

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> bool:
        signal.signal(signal.SIGALRM, _too_long)
        for number, (_, name, _, _) in enumerate(self._child.version["functions"]):
            inputs = [one for one in self._child.server.inputs if one["function"] == number]
            inputs.sort(key=lambda one: not one["needed"])
            function = _find(inputs[0]["module"], name) if inputs else None
            if function is not None:
                self._doctests(number, function)
                self._call_all(number, function, inputs)
        return True

    def _doctests(self, number: int, function: Any) -> None:
        if ">>>" not in (function.__doc__ or ""):
            return
        runner = doctest.DocTestRunner(verbose=False)
        with _within(4 * _CALL), contextlib.suppress(Exception, _TooLong):
            for test in doctest.DocTestFinder(recurse=False).find(function, function.__name__):
                test.globs = dict(function.__globals__)
                runner.run(test, out=lambda _: None)
            self._child.say(calls=[{"doctest": number, "failed": runner.summarize(verbose=False)[0]}])

    def _call_all(self, number: int, function: Any, inputs: list[Any]) -> None:
        for place, entry in enumerate(inputs):
            self._answer(number, function, [place], entry["data"], entry["needed"])
        left = _MOST_CALLS
        for place, entry in enumerate(inputs):
            for near in itertools.count():
                if left <= 0 or time.monotonic() > self._ends:
                    return
                left -= 1
                if not self._answer(number, function, [place, near], entry["data"], entry["needed"]):
                    break

    def _answer(self, number: int, function: Any, at: list[int], data: str, needed: bool) -> bool:
        """Call with an input, or a neighbour of it; False where there is none of that number."""
        if time.monotonic() > self._ends:
            return False
        try:
            arguments = pickle.loads(base64.b64decode(data))
        except Exception:  # noqa: BLE001 - a version may lack the class of an argument
            return False
        if len(at) > 1:
            arguments = next(itertools.islice(_varied(arguments), at[1], None), None)
        if arguments is None:
            return False
        call = _shown_call(function, arguments)
        fact = {"function": number, "at": at, "call": call, "needed": needed, **_outcome(function, arguments)}
        self._child.say(calls=[fact])
        return True


class _Trier:
    """Runs trials in place of looking for tests, once what these need is set up."""

    def __init__(self, child: Any) -> None:
        self._child = child

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        importlib.import_module("moot_trial").observe_all(self._child)


def _varied(arguments: Any) -> Iterator[Any]:
    """Yield the arguments with one of them changed."""
    positional, rest, keywords = arguments
    near = importlib.import_module("moot_neighbours").neighbours
    for place, value in enumerate(positional):
        for other in near(value):
            yield [*positional[:place], other, *positional[place + 1 :]], rest, keywords
    for other in near(rest):
        yield positional, other, keywords
    for name, value in keywords.items():
        for other in near(value):
            yield positional, rest, {**keywords, name: other}


def _find(module: str, qualified: str) -> Any:
    """Return the plain function behind a name; None where it cannot be called by itself."""
    try:
        found: Any = importlib.import_module(module)
        for name in qualified.split("."):
            found = inspect.getattr_static(found, name)
        found = getattr(found, "__func__", None) or getattr(found, "fget", None) or found
        found = inspect.unwrap(getattr(found, "func", found))
    except (Exception, SystemExit):  # noqa: BLE001 - importing runs the code under test
        return None
    return found if inspect.isfunction(found) else None


def _outcome(function: Callable[..., Any], arguments: Any) -> dict[str, Any]:
    """Return what a call gave: a value, or the name of an exception."""
    positional, rest, keywords = arguments
    try:
        with _within(_CALL):
            value = function(*positional, *rest, **keywords)
            if inspect.isawaitable(value):
                value = asyncio.run(_awaited(value))
            elif inspect.isgenerator(value):
                value = ["the items", *itertools.islice(value, 100)]
            text = _shown(value)
            after = _shown([positional, rest, keywords])
            fits = _fits(function, value)
    except _TooLong:
        return {"raises": "no end", "text": f"no end within {_CALL} s", "digest": ""}
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - whatever the code under test raises is its answer
        name = type(exc).__name__
        return {"raises": name, "text": "raises " + name, "digest": ""}
    digest = hashlib.sha256((text + "\0" + after).encode("utf-8", "replace")).hexdigest()
    shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
    return {"raises": "", "text": shown, "digest": digest, "none": value is None, "fits": fits}


async def _awaited(value: Any) -> Any:
    return await value


def _shown(value: Any) -> str:
    return importlib.import_module("moot_shown").shown(value)


def _shown_call(function: Any, arguments: Any) -> str:
    positional, rest, keywords = arguments
    words: list[str] = []
    with _within(_CALL), contextlib.suppress(Exception, _TooLong):
        words += [_shown(value) for value in (*positional, *rest)]
        words += [f"{name}={_shown(value)}" for name, value in keywords.items()]
    text = "{}({})".format(function.__qualname__, ", ".join(words))
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…)"


def _fits(function: Any, value: Any) -> bool | None:
    """Tell whether a value is of the annotated type; None where that is not told or not simple."""
    try:
        wanted = typing.get_type_hints(function).get("return", typing.Any)
    except Exception:  # noqa: BLE001 - annotations are code under test
        return None
    options = getattr(wanted, "__args__", ()) if "Union" in str(wanted.__class__) + str(wanted) else (wanted,)
    kinds = [getattr(option, "__origin__", None) or option for option in options]
    if typing.Any in kinds or not all(isinstance(kind, type) for kind in kinds):
        return None
    wider: Any = {float: (float, int), complex: (complex, float, int)}
    return any(isinstance(value, wider.get(kind, kind)) for kind in kinds)


def _too_long(*_: Any) -> None:
    raise _TooLong


@contextlib.contextmanager
def _within(seconds: float) -> Generator[None]:
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
