"""Python: pytest, unittest, Django's runner, and what tox and nox would call."""

import ast
import configparser
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, cast

from moot.agent.verify.ecosystems.found import Files, Found, framework_of

__all__ = ["python_tests"]

_TEST_FILE = re.compile(r"(?:.*/)?(test_[^/]*|[^/]*_test|tests?)\.py")
_REQUIREMENT = re.compile(r"\s*(pytest)(?![\w.-])", re.IGNORECASE)
_SUBSTITUTION = re.compile(r"\{posargs(?::((?:[^{}]|\{[^{}]*\})*))?\}")
_LOOKED_AT = 20
"""Test files that are read to tell unittest from pytest."""

_PYTEST = "python3 -m pytest"


def python_tests(files: Files) -> Iterator[Found]:
    """Yield commands, the most certain first."""
    tests = [path for path in files.paths if _TEST_FILE.fullmatch(path)]
    folders = {"tests", "test"} & {PurePosixPath(path).parts[0] for path in files.paths}
    if configured := _configured(files):
        yield Found(_PYTEST, "pytest", configured, "pytest is configured there")
    if tests or folders:
        if named := _named(files):
            yield Found(_PYTEST, "pytest", named, "pytest is among the requirements")
        if conftest := next((path for path in files.paths if path.endswith("conftest.py")), ""):
            yield Found(_PYTEST, "pytest", conftest, "pytest reads this file")
    yield from _tox(files)
    yield from _nox(files)
    if "django" in files.text("manage.py"):
        yield Found("python3 manage.py test", "", "manage.py", "Django runs its tests through it")
    if tests:
        yield _by_sources(files, tests)


def _by_sources(files: Files, tests: Sequence[str]) -> Found:
    sources = [files.text(path) for path in tests[:_LOOKED_AT]]
    if all("unittest" in source and "pytest" not in source for source in sources):
        return Found(_discover(files, tests), "unittest", tests[0], "its tests import unittest alone")
    return Found(_PYTEST, "pytest", tests[0], "it is named as pytest's tests are")


def _discover(files: Files, tests: Sequence[str]) -> str:
    tops = {path.partition("/")[0] if "/" in path else "." for path in tests}
    start = tops.pop() if len(tops) == 1 else "."
    pattern = (
        "test*.py" if any(PurePosixPath(path).name.startswith("test") for path in tests) else "*_test.py"
    )
    top = " -t ." if f"{start}/__init__.py" in files.known else ""
    return f"python3 -m unittest discover -s {shlex.quote(start)}{top} -p '{pattern}'"


def _configured(files: Files) -> str:
    if own := files.first("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"):
        return own
    tool = _toml(files, "pyproject.toml").get("tool")
    if isinstance(tool, dict) and "pytest" in tool:
        return "pyproject.toml: tool.pytest"
    for path, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        if _ini(files, path).has_section(section):
            return f"{path}: [{section}]"
    return ""


def _named(files: Files) -> str:
    """Return where pytest is required."""
    settings = _toml(files, "pyproject.toml")
    for key, value in _requirements(settings):
        if isinstance(value, str) and _REQUIREMENT.match(value):
            return f"pyproject.toml: {key}"
    for path in files.paths:
        lines = re.fullmatch(r"(?:requirements/)?[^/]*require[^/]*\.(?:txt|in)|requirements/[^/]*\.txt", path)
        if lines and any(map(_REQUIREMENT.match, files.text(path).splitlines())):
            return files.line(path, "pytest")
    return next((path for path in ("setup.cfg", "setup.py", "Pipfile") if "pytest" in files.text(path)), "")


def _requirements(settings: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield every requirement of a pyproject.toml with the table that holds it."""
    for table in ("project", "dependency-groups", "tool"):
        yield from _strings(settings.get(table), table)


def _strings(value: Any, key: str) -> Iterator[tuple[str, Any]]:
    """Yield strings of lists, and keys of tables named dependencies, below a key."""
    if isinstance(value, list):
        yield from ((key, item) for item in cast("list[Any]", value))
    elif isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            if key.endswith("dependencies"):
                yield key, name
            yield from _strings(inner, f"{key}.{name}")


def _tox(files: Files) -> Iterator[Found]:
    """tox would build an environment over the network: its own command runs in the one at hand."""
    settings = _ini(files, "tox.ini")
    sections = [name for name in settings.sections() if name == "testenv" or name.startswith("testenv:")]
    for section in sections:
        for line in settings.get(section, "commands", fallback="").replace("\\\n", " ").splitlines():
            command = _plain(line)
            if framework := framework_of(command):
                reason = "tox calls it; it runs in the environment at hand, as tox would need the network"
                yield Found(command, framework, f"tox.ini: [{section}]", reason, suggested=True)


def _plain(line: str) -> str:
    """Return a command of tox without its substitutions; empty when others than arguments are there."""
    command = _SUBSTITUTION.sub(lambda found: found[1] or "", line).strip().lstrip("-! ")
    command = command.replace("{envpython}", "python3").replace("{toxinidir}", ".").replace("{[}", "")
    return "" if "{" in command else " ".join(command.split())


def _nox(files: Files) -> Iterator[Found]:
    """Yield what a noxfile's sessions run, where that is written out."""
    try:
        tree = ast.parse(files.text("noxfile.py"))
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "run":
            words = [
                arg.value for arg in node.args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)
            ]
            command = " ".join(words)
            if framework := framework_of(command):
                reason = "nox calls it; it runs in the environment at hand, as nox would need the network"
                yield Found(command, framework, f"noxfile.py:{node.lineno}", reason, suggested=True)


def _toml(files: Files, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(files.text(path))
    except (ValueError, RecursionError):  # also an integer of more digits than Python reads
        return {}


def _ini(files: Files, path: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(files.text(path))
    except configparser.Error:
        return configparser.ConfigParser(interpolation=None)
    return parser
