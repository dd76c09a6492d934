"""Runs linters and type checkers on a workspace in the sandbox."""

import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from moot.agent.core.commands import Command, CommandResult
from moot.agent.core.ports import Sandbox
from moot.agent.core.verification import Finding
from moot.agent.verify.environment import Environment, caches, environment
from moot.agent.verify.lint.plan import Job
from moot.agent.verify.tree import Tree

__all__ = ["Linter", "Report"]

_OUTPUT = 32 * 2**20
"""Bytes of a report: unlike text for people it is useless with its middle cut out."""

_MESSAGE = 500
"""Characters that are kept of a message, and of a line."""

_BY_NODE = ("tsc", "eslint", "pyright")
_START = 'cd "./$1" && shift && exec "$@"'


@dataclass(frozen=True, slots=True)
class Report:
    """What a checker found, or why it found nothing out, in a few words."""

    findings: tuple[Finding, ...] = ()
    failure: str = ""


class Linter:
    """Checks workspaces of one repository."""

    def __init__(self, sandbox: Sandbox, root: Path, tracked: frozenset[str] = frozenset()) -> None:
        """Bind to a repository.

        Args:
            sandbox: where checkers run; their settings, and plugins named there, are the repository's.
            root: top of the user's working tree, where its virtual environment and node_modules are.
            tracked: the paths in `root` that git tracks: links among them open no other folders.
        """
        self._sandbox = sandbox
        self._root = root
        self._tracked = tracked

    async def run(self, job: Job, workspace: Path, seconds: float) -> Report:
        """Check those files of a job that the workspace has.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        needed = self._needed(job)
        if shutil.which(job.checker.program, path=":".join(needed.path)) is None:
            return Report(failure="is not installed")
        files = [relpath(path, job.home or ".") for path in job.files if (workspace / path).is_file()]
        if not files:
            return Report()
        result = await self._sandbox.run(self._command(job, files, workspace, needed, seconds))
        if result.timed_out:
            return Report(failure=f"did not end within {seconds:.0f} s")
        found = job.checker.read(result)
        if found is None:
            return Report(failure=f"failed: {_last_line(result)}")
        return Report(tuple(_placed(found, job.home, self._inside(workspace), workspace)))

    def _command(
        self, job: Job, files: Sequence[str], workspace: Path, needed: Environment, seconds: float
    ) -> Command:
        kept = caches(needed, self._inside(workspace))
        words = job.checker.words([f"./{file}" for file in files])
        return Command(
            argv=("sh", "-c", _START, "sh", job.home or ".", job.checker.program, *words),
            workspace=workspace,
            timeout=seconds,
            env={"PATH": ":".join(needed.path), "CI": "1", "NO_COLOR": "1", **needed.variables, **kept},
            read_only=needed.read_only,
            output_limit=_OUTPUT,
            mount=self._root if self._sandbox.mounts else None,
        )

    def _needed(self, job: Job) -> Environment:
        program = job.checker.program
        command = f"{program} node" if program in _BY_NODE else program
        needed = environment(self._root, command, self._tracked)
        own = self._root / job.home / "node_modules" / ".bin"
        return replace(needed, path=(str(own), *needed.path))

    def _inside(self, workspace: Path) -> Path:
        """Return where the workspace is seen by a checker."""
        return self._root if self._sandbox.mounts else workspace


def _placed(found: Sequence[Finding], home: str, inside: Path, workspace: Path) -> list[Finding]:
    """Give findings their path from the top and the text of their line; drop those in other places."""
    placed: list[Finding] = []
    texts: dict[str, list[str]] = {}
    with ExitStack() as stack:
        tree = Tree.open(workspace, stack)
        for finding in found:
            whole = PurePosixPath(normpath(inside / home / finding.path))
            if not whole.is_relative_to(inside):
                continue
            path = str(whole.relative_to(inside))
            if path not in texts:
                texts[path] = tree.read(path).decode(errors="replace").splitlines()
            line = texts[path][finding.line - 1 : finding.line]
            message = " ".join(finding.message.split())[:_MESSAGE]
            placed.append(
                replace(finding, path=path, message=message, text=line[0].strip()[:_MESSAGE] if line else "")
            )
    return placed


def _last_line(result: CommandResult) -> str:
    lines = (result.stderr.strip() or result.stdout.strip()).splitlines()
    return lines[-1][:200] if lines else f"exit code {result.exit_code}"
