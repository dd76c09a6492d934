"""Runs `python -m unittest …` and writes a line of JSON for each test as it ends.

Where MOOT_SPECTRUM says so, the tracer on the search path notes the lines that each test executes, too.

It runs in the interpreter of the repository under test, by path, so it imports the standard library alone
and keeps to Python 3.7. unittest-xml-reporting would have to be installed there.

Usage: python unittest_report.py REPORT ONLY ARGUMENTS…, where ONLY is a JSON list of ids or files.
"""

import importlib
import inspect
import json
import os
import sys
import time
import traceback
import unittest
from typing import Any, Iterator, List  # noqa: UP035

__all__: List[str] = []  # noqa: UP006

_LOADER = "unittest.loader."
_MESSAGE = 4000


def _id(test: Any) -> str:
    """Return the dotted id; of a module that could not be imported, the module's name."""
    name = str(test.id())
    if name.startswith((_LOADER + "_FailedTest.", _LOADER + "ModuleImportFailure.")):
        return name.split(".", 3)[3]
    return name


def _file(test: Any) -> str:
    try:
        source = inspect.getsourcefile(test.__class__)
        return os.path.abspath(source) if source else ""  # noqa: PTH100
    except (TypeError, OSError):
        return ""


def _flat(suite: Any) -> Iterator[Any]:
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flat(test)
        else:
            yield test


def _chosen(test: Any, only: List[str]) -> bool:  # noqa: UP006
    name = _id(test)
    files = [os.path.abspath(each) for each in only if each.endswith(".py")]  # noqa: PTH100
    return any(name == each or name.startswith(each + ".") for each in only) or _file(test) in files


class _Result(unittest.TextTestResult):
    report: Any = None
    recorder: Any = None

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        if self.recorder:
            self.recorder.enter(_id(test))
        self._began = time.monotonic()
        self._outcome = "passed"
        self._message = ""

    def stopTest(self, test: Any) -> None:
        if self.recorder:
            self.recorder.leave()
        self._write(_id(test), _file(test), time.monotonic() - self._began)
        super().stopTest(test)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._note(test, "error", err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._note(test, "failed", err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed" if issubclass(err[0], test.failureException) else "error", err)

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        alone = not isinstance(test, unittest.TestCase)
        if alone or self._outcome not in (
            "failed",
            "error",
        ):  # a subtest that is skipped hides none that failed
            self._outcome, self._message = "skipped", str(reason)
        if alone:
            self._write(_id(test), "", 0.0)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._outcome, self._message = "failed", "unexpected success"

    def _note(self, test: Any, outcome: str, err: Any) -> None:
        self._outcome = outcome
        self._message = "".join(traceback.format_exception(*err))[-_MESSAGE:]
        # The fixture of a class or a module fails outside of any test, so nothing stops it.
        if not isinstance(test, unittest.TestCase):
            self._write(_id(test), "", 0.0)

    def _write(self, name: str, file: str, seconds: float) -> None:
        record = {"id": name, "outcome": self._outcome, "message": self._message}
        self.report.write(json.dumps({**record, "file": file, "seconds": seconds}) + "\n")
        self.report.flush()


class _Runner(unittest.TextTestRunner):
    resultclass: Any = _Result


class _Program(unittest.TestProgram):
    only: List[str] = []  # noqa: RUF012, UP006

    def runTests(self) -> None:
        self.failfast = False  # what fails behind the first failure has to be known
        if self.only:
            self.test = unittest.TestSuite(test for test in _flat(self.test) if _chosen(test, self.only))
        super().runTests()


def _main() -> None:
    report, only, arguments = sys.argv[1], sys.argv[2], sys.argv[3:]
    sys.path[0] = os.getcwd()  # noqa: PTH109
    sys.argv[1:] = arguments
    _Program.only = json.loads(only)
    if "MOOT_SPECTRUM" in os.environ:
        _Result.recorder = importlib.import_module("moot_lines").Recorder()
        _Result.recorder.start()
    with open(report, "w", encoding="utf-8") as stream:  # noqa: PTH123
        _Result.report = stream
        argv = ["python3 -m unittest", *arguments]
        program = _Program(module=None, argv=argv, exit=False, testRunner=_Runner)
        stream.write('{"end": true}\n')
    if _Result.recorder:
        _Result.recorder.write()
    result = program.result
    nothing = result.testsRun == 0 and not result.skipped and result.wasSuccessful()
    sys.exit(5 if nothing else not result.wasSuccessful())


if __name__ == "__main__":
    _main()
