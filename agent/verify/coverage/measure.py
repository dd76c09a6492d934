"""Picks how coverage per test is measured, by the framework that the test command runs."""

import re
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack
from pathlib import PurePosixPath

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.verify.coverage.base import Session, scratch
from moot.agent.verify.coverage.go import trace_go
from moot.agent.verify.coverage.istanbul import trace_jest, trace_vitest
from moot.agent.verify.coverage.python import trace_pytest, trace_unittest
from moot.agent.verify.coverage.rust import trace_cargo
from moot.agent.verify.coverage.v8 import trace_mocha, trace_node
from moot.agent.verify.frameworks.choose import claimant
from moot.agent.verify.runner import TestRunner
from moot.agent.verify.scripts import Segment, unfold
from moot.agent.verify.shell import Call
from moot.agent.verify.tree import Tree

__all__ = ["CoverageTracer"]

Method = Callable[[Session], Awaitable[Spectrum]]

_METHODS: Mapping[str, Method] = {
    "pytest": trace_pytest,
    "unittest": trace_unittest,
    "node": trace_node,
    "mocha": trace_mocha,
    "jest": trace_jest,
    "vitest": trace_vitest,
    "go": trace_go,
    "cargo": trace_cargo,
}
_LANGUAGES = {"pytest": ".py", "unittest": ".py", "go": ".go", "cargo": ".rs", "nextest": ".rs"}
_NODE_TEST = re.compile(r"\bnode\b.*--test\b")


class CoverageTracer:
    """Implements `Tracer`: runs some tests again with the coverage of their language."""

    def __init__(self, runner: TestRunner) -> None:
        """Bind to what runs tests in the sandbox."""
        self._runner = runner

    async def trace(self, request: TraceRequest) -> Spectrum:
        """Return which lines each test executes; without lines the reason says why.

        Raises:
            SandboxUnavailable: the sandbox could not be set up.
        """
        if not request.failing:
            return Spectrum(reason="no single failing test is known")
        framework, segment = _framework(request)
        method = _METHODS.get(framework)
        if method is None:
            what = f"for {framework} none" if framework else "the test command cannot be taken apart, so none"
            return Spectrum(reason=f"{what} is measured")
        with scratch(request.workspace) as name:
            return await method(Session(self._runner, request, segment, name))


def _framework(request: TraceRequest) -> tuple[str, Segment | None]:
    """Return whose tests fail; where a command runs several, by the language of the failing test's file."""
    with ExitStack() as stack:
        segments = unfold(request.command, Tree.open(request.workspace, stack)) or ()
    claims = [(claim.name, each) for each in segments if (claim := claimant(Call.of(each.words)))]
    if len(claims) == 1:
        return claims[0]
    suffix = _suffix(request.failing[0])
    for name, segment in claims:
        if _LANGUAGES.get(name, ".js") == suffix:
            return name, segment
    if suffix == ".py":
        return "pytest", None
    return ("node", None) if _NODE_TEST.search(request.command) else ("", None)


def _suffix(case: TestCase) -> str:
    suffix = PurePosixPath(case.file).suffix
    return suffix if suffix in _LANGUAGES.values() else ".js"
