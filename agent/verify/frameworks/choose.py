"""Every framework, and what the environment alone can ask of a command that cannot be taken apart."""

import json
import re

from moot.agent.verify.frameworks.base import Evidence, Framework, Reading
from moot.agent.verify.frameworks.cargo import CargoTest
from moot.agent.verify.frameworks.go import GoTest
from moot.agent.verify.frameworks.jest import Jest, Vitest
from moot.agent.verify.frameworks.mocha import Mocha
from moot.agent.verify.frameworks.nextest import Nextest
from moot.agent.verify.frameworks.node import NodeTest, node_files, node_options
from moot.agent.verify.frameworks.pytest import Pytest, pytest_options
from moot.agent.verify.frameworks.tap import Tap, parse_tap
from moot.agent.verify.frameworks.unittest import Unittest
from moot.agent.verify.shell import Call

__all__ = ["FRAMEWORKS", "ambient_files", "ambient_variables", "claimant", "read_ambient"]

FRAMEWORKS: tuple[Framework, ...] = (
    Pytest(),
    Unittest(),
    GoTest(),
    CargoTest(),
    Nextest(),
    NodeTest(),
    Vitest(),
    Jest(),
    Mocha(),
    Tap(),
)

_NODE_TEST = re.compile(r"\bnode\b.*--test\b")


def claimant(call: Call) -> Framework | None:
    """Return the framework whose tests a call runs."""
    return next((framework for framework in FRAMEWORKS if framework.claims(call)), None)


def ambient_variables(command: str, reports: str) -> dict[str, str]:
    """Return variables by which test runners inside of any command write reports.

    pytest and Node's runner take options from the environment, tox passes one on when it is told to.
    An old Node refuses to start with options that it does not know, so only a command that names Node's
    runner gets them. Go takes `-json` from GOFLAGS, but then `go list` prints JSON too; so it is left alone.
    """
    variables = {
        "PYTEST_ADDOPTS": " ".join(pytest_options(reports)),
        "TOX_OVERRIDE": "testenv.pass_env+=PYTEST_ADDOPTS",
    }
    if _NODE_TEST.search(command):
        variables["NODE_OPTIONS"] = " ".join(map(json.dumps, node_options(reports)))
    return variables


def ambient_files(command: str) -> dict[str, str]:
    """Return what the variables need in the folder for reports."""
    return node_files() if _NODE_TEST.search(command) else {}


def read_ambient(evidence: Evidence) -> tuple[str, Reading]:
    """Return which report appeared, and what it says; neither is promised."""
    readers: tuple[Framework, ...] = (Pytest(), NodeTest())
    for framework in readers:
        reading = framework.read(evidence)
        if reading.complete or reading.cases or reading.nothing:
            return framework.name, reading
    reading = parse_tap(evidence.result.stdout, evidence.place)
    return ("tap", reading) if reading.cases and reading.complete else ("", Reading())
