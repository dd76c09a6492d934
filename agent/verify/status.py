"""Says what a test run came to, from its exit code and its report: the worse of the two counts."""

import re
from typing import Literal

from moot.agent.core.commands import CommandResult, TestReport
from moot.agent.verify.frameworks.base import Reading

__all__ = ["BROKE_OFF", "report"]

_Status = Literal["passed", "failed", "no-tests", "not-found", "timeout"]

BROKE_OFF = "the run broke off"
"""What the note of a report says where tests may not have run because the runner died."""

_OUTPUT = 20_000
"""Characters of output kept in a report."""

_NO_MODULE = re.compile(r"No module named '?(pytest|tox|nox|nose2?|coverage)'?\s*$", re.MULTILINE)
_NO_COMMAND = re.compile(r"error: no such command: `nextest`")
_NOTHING_RAN = re.compile(r"^Ran 0 tests in |^NO TESTS RAN", re.MULTILINE)


def report(command: str, result: CommandResult, framework: str, reading: Reading) -> TestReport:
    """Return the report of a run.

    Args:
        command: what was asked to run.
        result: what it did.
        framework: whose report was asked for, or appeared; empty when none did.
        reading: what that report says.
    """
    status, note = _judge(result, framework, reading)
    output = (reading.output, result.stdout, result.stderr)
    return TestReport(
        command=command,
        status=status,
        exit_code=result.exit_code,
        seconds=result.seconds,
        cases=reading.cases,
        output="\n".join(text.rstrip() for text in output if text.strip())[-_OUTPUT:],
        framework=framework if reading.complete or reading.cases else "",
        note=note,
    )


def _judge(result: CommandResult, framework: str, reading: Reading) -> tuple[_Status, str]:
    code = result.exit_code
    if result.timed_out:
        return "timeout", "it was stopped, so tests may be missing" if reading.cases else ""
    missing = code == 127 or (
        code and (_NO_MODULE.search(result.stderr) or _NO_COMMAND.search(result.stderr))
    )
    if missing and not reading.complete:
        return "not-found", ""
    if not reading.cases:
        return _without_cases(result, framework, reading)
    failed = sum(case.outcome in ("failed", "error") for case in reading.cases)
    if not reading.complete:
        return "failed", f"{BROKE_OFF}: the report has no end"
    if failed:
        return "failed", "" if code else f"the command ended with 0 although {_count(failed)} failed"
    if code:
        return "failed", f"no test failed, but the command ended with {code}"
    if all(case.outcome == "skipped" for case in reading.cases):
        return "no-tests", "every test was skipped"
    return "passed", ""


def _without_cases(result: CommandResult, framework: str, reading: Reading) -> tuple[_Status, str]:
    if reading.nothing or _nothing_ran(result):
        return "no-tests", ""
    if result.exit_code:
        return "failed", "no report was written, so the exit code alone says that it failed"
    if framework:
        return "failed", f"the command ended with 0 but {framework} wrote no report: {BROKE_OFF}"
    return "passed", "no report was written, so the exit code alone says that it passed"


def _nothing_ran(result: CommandResult) -> bool:
    """Tell from its words whether a runner whose report is not known ran nothing."""
    return bool(_NOTHING_RAN.search(result.stderr)) and not result.stdout.strip()


def _count(tests: int) -> str:
    return f"{tests} test{'s' * (tests != 1)}"
