"""Mocha: its JSON reporter, written to a file (Mocha 9.2 and later)."""

import re
import shlex
from collections.abc import Sequence

from pydantic import BaseModel, Field, ValidationError

from moot.agent.core.commands import TestCase
from moot.agent.verify.frameworks.base import MESSAGE, Evidence, Instrumented, Place, Reading, failures, merge
from moot.agent.verify.shell import Call

__all__ = ["HOOK", "Mocha"]

_REPORT = "mocha.json"
_MANY = 200
_OWN = re.compile(r"(-R|--reporter|-O|--reporter-options?)(=.*)?")

HOOK = re.compile(r" \"(?:before|after) (?:all|each)\" hook.*", re.DOTALL)
"""What stands behind the titles of its suites in the id of a hook that failed."""


class _Error(BaseModel):
    message: str = ""
    stack: str = ""


class _Test(BaseModel):
    full_title: str = Field(alias="fullTitle")
    file: str | None = None
    duration: float | None = None
    err: _Error = _Error()


class _Report(BaseModel):
    tests: list[_Test]
    passes: list[_Test]
    failures: list[_Test]
    pending: list[_Test]


class Mocha:
    """Mocha."""

    name = "mocha"

    def claims(self, call: Call) -> bool:
        """Tell whether the call runs Mocha."""
        return call.program in ("mocha", "_mocha", "mocha.js")

    def instrument(self, call: Call, place: Place, only: Sequence[str]) -> Instrumented:
        """Write the report to a file, end at the last test instead of watching, and narrow by full title."""
        words: list[str] = []
        for word in call.words:
            value = bool(words) and _OWN.fullmatch(words[-1]) is not None and "=" not in words[-1]
            if value:
                words.pop()
            elif not (_OWN.fullmatch(word) and "=" in word) and word not in ("-w", "--watch"):
                words.append(word)
        options = [
            "--reporter",
            "json",
            "--reporter-option",
            shlex.quote(f"output={place.reports}/{_REPORT}"),
            "--no-bail",
        ]
        patterns = [_pattern(each) for each in only]
        if patterns and all(patterns) and len(patterns) <= _MANY:
            options += ["--grep", shlex.quote(f"^({'|'.join(patterns)})$")]
        return Instrumented((*call.prefix, *words, *options))

    def read(self, evidence: Evidence) -> Reading:
        """Read what is written when the run ends."""
        try:
            report = _Report.model_validate_json(evidence.reports.read(_REPORT))
        except ValidationError:
            return Reading()
        groups = (("passed", report.passes), ("failed", report.failures), ("skipped", report.pending))
        cases = [_case(test, outcome, evidence.place) for outcome, tests in groups for test in tests]
        return Reading(merge(cases), True, not cases, failures(cases))


def _pattern(identity: str) -> str:
    """Return what matches a test's full title, for a hook those of its suite's tests; empty for other ids."""
    hook = HOOK.search(identity)
    title = (identity[: hook.start()] if hook else identity).partition(" > ")[2]
    return re.escape(title) + ("( .*)?" if hook and title else "")


def _case(test: _Test, outcome: str, place: Place) -> TestCase:
    file = test.file or ""
    name = " > ".join(part for part in (place.local(file) if file else "", test.full_title) if part)
    message = test.err.stack or test.err.message
    seconds = max(0.0, test.duration or 0.0) / 1000
    return TestCase(name, outcome, message[-MESSAGE:], place.path(file) if file else "", seconds)
