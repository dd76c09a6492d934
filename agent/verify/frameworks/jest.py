"""Jest and Vitest: the JSON report of Jest, which both write."""

import re
import shlex
from collections.abc import Sequence

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Instrumented, Place, Reading, merge
from moot.agent.verify.shell import Call

__all__ = ["Jest", "Vitest"]

_MANY = 200
"""Names in one pattern; more are narrowed by their files alone."""

_OUTCOMES = {"passed": "passed", "failed": "failed"}
_BAIL = re.compile(r"--bail(=.*)?")


class _Test(BaseModel):
    ancestors: list[str] = Field(default_factory=list[str], alias="ancestorTitles")
    title: str
    status: str
    duration: float | None = None
    messages: list[str] | None = Field(None, alias="failureMessages")


class _File(BaseModel):
    name: str
    status: str = ""
    message: str = ""
    tests: list[_Test] = Field(alias="assertionResults")


class _Report(BaseModel):
    files: list[_File] = Field(alias="testResults")


class Jest:
    """Jest, also behind react-scripts."""

    name = "jest"
    _report = "jest.json"

    def claims(self, call: Call) -> bool:
        """Tell whether the call runs Jest."""
        return call.program in ("jest", "jest.js") or _react(call)

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Add the report, end at the last test instead of watching, and narrow by file and name."""
        report = shlex.quote(f"--outputFile={place.reports}/{self._report}")
        options = ["--json", report, "--watchAll=false", "--bail=0"]
        if only:
            options += ["--runTestsByPath", *_selected(place, only)]
        words = [word for word in call.words if word not in ("--watch", "--watchAll")]
        return Instrumented((*call.prefix, *words, *options))

    def read(self, evidence: Evidence) -> Reading:
        """Read what is written when the run ends: one that broke off leaves nothing."""
        reading = read_report(evidence, self._report)
        nothing = "No tests found" in evidence.result.stdout + evidence.result.stderr
        return Reading(reading.cases, reading.complete, nothing and not reading.cases)


class Vitest:
    """Vitest."""

    name = "vitest"
    _report = "vitest.json"

    def claims(self, call: Call) -> bool:
        """Tell whether the call runs Vitest's tests."""
        return call.program in ("vitest", "vitest.mjs") and not {"bench", "list"} & set(call.arguments[:1])

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Add the report, end at the last test instead of watching, and narrow by file and name.

        Vitest takes an option of one value only once.
        """
        words = [
            word
            for before, word in zip(("", *call.words), call.words, strict=False)
            if word not in ("--watch", "-w", "watch", "dev", "--run")
            and not _BAIL.fullmatch(word)
            and not (before == "--bail" and word.isdigit())
        ]
        options = [
            "--run",
            "--bail=0",
            "--reporter=default",
            "--reporter=json",
            shlex.quote(f"--outputFile.json={place.reports}/{self._report}"),
            *_selected(place, only),
        ]
        return Instrumented((*call.prefix, *words, *options))

    def read(self, evidence: Evidence) -> Reading:
        """Read what is written when the run ends."""
        reading = read_report(evidence, self._report)
        nothing = "No test files found" in evidence.result.stdout + evidence.result.stderr
        return Reading(reading.cases, reading.complete, nothing and not reading.cases)


def read_report(evidence: Evidence, name: str) -> Reading:
    """Read a JSON report of Jest's form by its name."""
    try:
        report = _Report.model_validate_json(evidence.reports.read(name))
    except ValidationError:
        return Reading()
    return Reading(merge(case for file in report.files for case in _cases(file, evidence.place)), True)


def _cases(file: _File, place: Place) -> list[TestCase]:
    path = place.path(file.name)
    local = place.local(file.name)
    if not file.tests and file.status == "failed":
        return [TestCase(local, "error", file.message[-MESSAGE:], path)]
    return [
        TestCase(
            " > ".join((local, *test.ancestors, test.title)),
            _OUTCOMES.get(test.status, "skipped"),
            "\n".join(test.messages or ())[-MESSAGE:],
            path,
            max(0.0, test.duration or 0.0) / 1000,
        )
        for test in file.tests
    ]


def _selected(place: Place, only: Sequence[str]) -> list[str]:
    """Return options for ids and files: the files, and a pattern of full names where each has one.

    The parts of a full name stand apart by a space in Jest and in Vitest up to 3, by ` > ` since 4.
    """
    parts = [each.split(" > ") for each in only]
    words = [shlex.quote(each) for each in dict.fromkeys(place.local(each[0]) for each in parts)]
    if parts and len(parts) <= _MANY and all(len(each) > 1 for each in parts):
        names = ("( > | )".join(map(re.escape, each[1:])) for each in parts)
        words += ["-t", shlex.quote(f"^({'|'.join(names)})$")]
    return words


def _react(call: Call) -> bool:
    return call.program == "react-scripts" and call.arguments[:1] == ("test",)
