"""Runs a test command on a workspace in the sandbox and reports single outcomes where it can."""

import os
import re
import secrets
import shutil
import stat
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from moot.agent.core.commands import Command, CommandResult, TestCase, TestReport
from moot.agent.core.ports import Sandbox
from moot.agent.verify.environment import Environment, environment
from moot.agent.verify.junit import parse
from moot.agent.verify.selection import is_pytest, narrow

__all__ = ["TestRunner"]

_Status = Literal["passed", "failed", "no-tests", "not-found", "timeout"]

_OUTPUT = 20_000
"""Characters of output kept in a report."""

_REPORT_LIMIT = 64 * 2**20
"""Bytes of an XML report that are read."""

_NO_MODULE = re.compile(r"No module named '?(pytest|tox|nox|nose2?|coverage)'?\s*$")
_NOTHING_RAN = re.compile(r"^Ran 0 tests in |^NO TESTS RAN", re.MULTILINE)


class TestRunner:
    """Verifies workspaces of one repository."""

    __test__ = False

    def __init__(self, sandbox: Sandbox, root: Path, timeout: float) -> None:
        """Bind to a repository.

        Args:
            sandbox: where commands run.
            root: top of the user's working tree; the workspace appears there inside the sandbox, so
                that editable installs and absolute paths lead to the workspace.
            timeout: seconds for one run.
        """
        self._sandbox = sandbox
        self._root = root
        self._timeout = timeout

    async def run(self, command: str, workspace: Path, only: Sequence[str] = ()) -> TestReport:
        """Run a test command.

        Args:
            command: a shell command, started at the top of the workspace.
            workspace: folder that holds the files to test.
            only: ids as in a report's cases, or paths of test files, to run in place of everything; a
                command that cannot be narrowed runs everything, which is slower but never wrong.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        needed = environment(self._root, command)
        with _report_folder(workspace) as folder:
            inside = self._inside(workspace)
            result = await self._sandbox.run(
                Command(
                    argv=("sh", "-c", narrow(command, only)),
                    workspace=workspace,
                    timeout=self._timeout,
                    env=_variables(needed, workspace, inside, inside / folder.name / "report.xml"),
                    read_only=needed.read_only,
                    mount=self._root if self._sandbox.mounts else None,
                )
            )
            cases = parse(folder.read("report.xml"))
        return _report(command, result, cases)

    def _inside(self, workspace: Path) -> Path:
        """Return where the workspace is seen by its tests."""
        return self._root if self._sandbox.mounts else workspace


class _ReportFolder:
    """A folder in the workspace, held open so that code under test cannot swap it for another."""

    def __init__(self, name: str, handle: int) -> None:
        self.name = name
        self._handle = handle

    def read(self, name: str) -> bytes:
        """Return a regular file's bytes; nothing when there is none."""
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=self._handle)
        except OSError:
            return b""
        with os.fdopen(handle, "rb") as stream:
            regular = stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
            return stream.read(_REPORT_LIMIT) if regular else b""


@contextmanager
def _report_folder(workspace: Path) -> Generator[_ReportFolder]:
    name = f".moot-{secrets.token_hex(8)}"
    place = workspace / name
    place.mkdir(mode=0o700)
    handle = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield _ReportFolder(name, handle)
    finally:
        os.close(handle)
        if place.is_symlink():
            place.unlink()
        else:
            shutil.rmtree(place, ignore_errors=True)


def _variables(needed: Environment, workspace: Path, inside: Path, report: Path) -> Mapping[str, str]:
    """Return the environment of the tests.

    Byte code is written and kept: `GitRepository.checkout` removes that of every file it rewrites. The
    hash seed is fixed so that runs before and after an edit can be compared.
    """
    variables = {
        "PATH": ":".join(needed.path),
        "PYTEST_ADDOPTS": f"--junitxml={report} -o junit_family=xunit1",
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "CI": "1",
        "NO_COLOR": "1",
        **needed.variables,
    }
    if (workspace / "src").is_dir():
        variables["PYTHONPATH"] = str(inside / "src")
    return variables


def _report(command: str, result: CommandResult, cases: tuple[TestCase, ...]) -> TestReport:
    output = "\n".join(text for text in (result.stdout.rstrip(), result.stderr.rstrip()) if text)
    return TestReport(
        command=command,
        status=_status(command, result, cases),
        exit_code=result.exit_code,
        seconds=result.seconds,
        cases=cases,
        output=output[-_OUTPUT:],
    )


def _status(command: str, result: CommandResult, cases: Sequence[TestCase]) -> _Status:
    if result.timed_out:
        return "timeout"
    if result.exit_code == 127 or (result.exit_code and _NO_MODULE.search(result.stderr)):
        return "not-found"
    if result.exit_code == 5 and (is_pytest(command) or _NOTHING_RAN.search(result.stderr)):
        return "no-tests"
    failed = any(case.outcome in ("failed", "error") for case in cases)
    if result.exit_code or failed:
        return "failed"
    return "no-tests" if _nothing_ran(result) else "passed"


def _nothing_ran(result: CommandResult) -> bool:
    """Tell whether a runner that ends with 0 when it finds nothing has found nothing (unittest, go)."""
    lines = result.stdout.splitlines()
    if any("[no test files]" in line for line in lines):
        return not any(line.startswith("ok ") for line in lines)
    return bool(_NOTHING_RAN.search(result.stderr)) and not lines
