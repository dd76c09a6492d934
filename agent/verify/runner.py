"""Runs a test command on a workspace in the sandbox and reports single outcomes where it can."""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from moot.agent.core.commands import Command, TestReport
from moot.agent.core.ports import Sandbox
from moot.agent.verify.built import BuiltModules
from moot.agent.verify.environment import Environment, caches, environment
from moot.agent.verify.fingerprint import fingerprint
from moot.agent.verify.folder import fill, report_folder
from moot.agent.verify.frameworks.base import Place
from moot.agent.verify.links import absolute_paths
from moot.agent.verify.plan import Plan, make_plan
from moot.agent.verify.status import report
from moot.agent.verify.tree import Tree

__all__ = ["TestRunner"]

_LISTS = {"PYTHONPATH": ":", "NODE_OPTIONS": " "}
"""Variables that hold lists, and what stands between their entries."""


class TestRunner:
    """Verifies workspaces of one repository."""

    __test__ = False

    def __init__(
        self, sandbox: Sandbox, root: Path, timeout: float, tracked: frozenset[str] = frozenset()
    ) -> None:
        """Bind to a repository.

        Args:
            sandbox: where commands run.
            root: top of the user's working tree; the workspace appears there inside the sandbox, so
                that editable installs and absolute paths lead to the workspace.
            timeout: seconds for one run.
            tracked: the paths in `root` that git tracks: links among them open no other folders.
        """
        self._sandbox = sandbox
        self._root = root
        self._timeout = timeout
        self._tracked = tracked
        self._built = BuiltModules(root)

    async def run(
        self,
        command: str,
        workspace: Path,
        only: Sequence[str] = (),
        seconds: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> TestReport:
        """Run a test command.

        Args:
            command: a shell command, started at the top of the workspace.
            workspace: folder that holds the files to test.
            only: ids as in a report's cases, or paths of test files, to run in place of everything; a
                command that cannot be narrowed runs everything, which is slower but never wrong.
            seconds: the longest it may take, where that is less than the setting's.
            env: further variables; those that hold lists (PYTHONPATH, NODE_OPTIONS) come before the others'.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        inside = self.inside(workspace)
        with report_folder(workspace) as folder, ExitStack() as stack:
            place = Place(str(inside), "", str(inside / folder.name), Tree.open(workspace, stack))
            plan = make_plan(command, place, only)
            reports = fill(folder, plan, stack)
            needed = self._needed(command, plan, stack)
            unbuilt = self._built.take_along(workspace, place.tree)
            result = await self._sandbox.run(
                Command(
                    argv=("sh", "-c", plan.script),
                    workspace=workspace,
                    timeout=min(seconds or self._timeout, self._timeout),
                    env=_joined(
                        env or {},
                        _variables(needed, plan, workspace, inside, self._sources(needed, workspace)),
                    ),
                    read_only=needed.read_only,
                    mount=self._root if self._sandbox.mounts else None,
                )
            )
            framework, reading = plan.read(reports, result)
            caution = unbuilt or self._elsewhere(needed, place.tree)
        return replace(report(command, result, framework, reading), caution=caution)

    def _sources(self, needed: Environment, workspace: Path) -> list[Path]:
        """Return where Python has to look first, where the workspace is not at the tree's own path."""
        if self._sandbox.mounts:
            return []
        return [workspace / source.relative_to(self._root) for source in needed.sources]

    def _elsewhere(self, needed: Environment, tree: Tree) -> str:
        """Say when paths lead to the user's tree, in whose place the sandbox cannot put the workspace."""
        if self._sandbox.mounts:
            return ""
        found = [str(link) for link in needed.links] or absolute_paths(tree, self._root)
        if not found:
            return ""
        return (
            f"{found[0]} leads to your own tree, and the sandbox ({self._sandbox.name}) cannot put the "
            "candidate in its place, so the tests may have run your code: install bubblewrap"
        )

    def fingerprint(self, command: str, workspace: Path) -> str | None:
        """Return a digest of what a run of the command depends on beside the workspace; blocks.

        Returns:
            None when that is too much to look at.
        """
        inside = str(self.inside(workspace))
        with ExitStack() as stack:
            tree = Tree.open(workspace, stack)
            plan = make_plan(command, Place(inside, "", inside, tree))
            needed = self._needed(command, plan, stack)
            built = self._built.facts(workspace, tree)
        return fingerprint(f"{command}\n{plan.script}", needed, built)

    def _needed(self, command: str, plan: Plan, stack: ExitStack) -> Environment:
        """Return what the command needs by the scripts of the user's tree: a candidate's open no folders."""
        top = str(self._root)
        own = make_plan(command, Place(top, "", top, Tree.open(self._root, stack)))
        return environment(self._root, f"{command}\n{own.script}\n{_programs(plan)}", self._tracked)

    def inside(self, workspace: Path) -> Path:
        """Return where the workspace is seen by its tests."""
        return self._root if self._sandbox.mounts else workspace


def _programs(plan: Plan) -> str:
    """Name what runs the programs of a package: their files start with `env node`."""
    javascript = {"node", "jest", "vitest", "mocha", "tap"} & set(plan.frameworks.split("+"))
    return "node" if javascript or plan.path else ""


def _variables(
    needed: Environment, plan: Plan, workspace: Path, inside: Path, sources: Sequence[Path]
) -> Mapping[str, str]:
    """Return the environment of the tests.

    Byte code is written, and `GitRepository.checkout` keeps that of the base's files. The hash seed is fixed
    so that runs before and after an edit can be compared. CI ends watch modes.
    """
    variables = {
        "PATH": ":".join([*(str(inside / folder) for folder in plan.path), *needed.path]),
        "PYTHONHASHSEED": "0",
        "PYTHONIOENCODING": "utf-8",
        "CI": "1",
        "NO_COLOR": "1",
        **needed.variables,
        **caches(needed, inside),
        **plan.env,
    }
    own = [inside / "src"] if (workspace / "src").is_dir() else []
    if folders := dict.fromkeys(map(str, [*own, *sources])):
        variables["PYTHONPATH"] = ":".join(folders)
    return variables


def _joined(first: Mapping[str, str], env: Mapping[str, str]) -> Mapping[str, str]:
    lists = {
        name: separator.join(filter(None, (first.get(name), env.get(name))))
        for name, separator in _LISTS.items()
        if name in first
    }
    return {**env, **first, **lists}
