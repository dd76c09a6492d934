"""Files that say how tests are run: CI, runners' settings, coverage, and what each kind may not lose."""

import configparser
import json
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from moot.agent.core.verification import FileVersions, IntegrityFlag
from moot.agent.risk.dialects.base import text_of
from moot.agent.syntax import language_of, new_parser

__all__ = ["settings_flags", "special_cases"]

_CI = re.compile(
    r"(^|/)(\.github/(workflows|actions)/|\.gitlab-ci[^/]*\.ya?ml$|\.gitlab/ci/|\.circleci/|\.buildkite/|\.ci/"
    r"|Jenkinsfile[^/]*$|\.travis\.yml$|\.?appveyor\.yml$|azure-pipelines[^/]*\.ya?ml$|\.drone\.ya?ml$"
    r"|bitbucket-pipelines\.yml$|\.woodpecker|\.cirrus\.ya?ml$|buildspec\.ya?ml$|cloudbuild\.ya?ml$"
    r"|\.pre-commit-config\.yaml$|\.gitea/workflows/|\.forgejo/workflows/)"
)
_COVERAGE = re.compile(
    r"(^|/)(\.coveragerc|\.?codecov\.ya?ml|\.nycrc[^/]*|nyc\.config\.\w+|\.c8rc[^/]*|tarpaulin\.toml"
    r"|sonar-project\.properties)$"
)
_RUNNER = re.compile(
    r"(^|/)(\.?pytest\.(ini|toml)|tox\.ini|noxfile\.py|(jest|vitest|karma|playwright|cypress|ava|wtr)\.conf(ig)?"
    r"(\.\w+)*|web-test-runner\.config\.\w+|\.mocharc[^/]*|\.taprc|jasmine\.m?json|\.?nextest\.toml"
    r"|(site|user)customize\.py|vitest\.workspace\.\w+|(unittest|nose)\.cfg|[^/]+\.pth)$"
    r"|(^|/)\.config/nextest\.toml$|(^|/)\.cargo/config(\.toml)?$"
)
_SHADOW = re.compile(
    r"^(src/)?(pytest|_pytest|pluggy|iniconfig|unittest|doctest|nose2?|coverage|tox|nox)(\.py|/__init__\.py)$"
)
_INSTALLED = re.compile(r"(^|/)(node_modules|site-packages)/")
_VITE = re.compile(r"vite\.config\.\w+")
_PROGRAMS = re.compile(r"^\s*(script-shell|node-options|yarn-?path|plugins)\b", re.IGNORECASE)
_SECTIONS = re.compile(r"(tool:)?pytest|testenv.*|tox|coverage:.*|nosetests|unittest|aliases")
_OPTIONS = re.compile(r"tool\.pytest\.|(tool:)?pytest\.|(jest|mocha|ava|vitest|tap)\.")
_TOOLS = ("pytest", "coverage", "tox", "nox", "hatch", "poe", "pdm", "taskipy", "nose2")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile", "justfile", "Justfile")
_PACKAGE_KEYS = ("jest", "mocha", "ava", "c8", "nyc", "vitest", "tap")
_CARGO_TEST = re.compile(r"^\s*(doc)?test\s*=|^\s*harness\s*=|^\s*\[\[test\]\]|^\s*autotests\s*=")
_MAKE_TEST = re.compile(r"^(test|check|ci|coverage|verify)[\w-]*\s*:(?!=)")
_MAKE_VARIABLE = re.compile(r" *(?:(?:export|override)\s+)*([\w.]+)\s*[:?+!]{0,3}=")
_MAKE_NAMED = re.compile(r"(?:\$[({]|\{\{)\s*(\w+)")
_MAKE_OWN = ("SHELL", ".SHELLFLAGS", "MAKEFLAGS")
"""What every recipe runs with."""
_CONFTEST = re.compile(
    r"^\s*(async\s+)?def\s+pytest_\w+|\bcollect_ignore|\b(sys|os)\.(_exit|exit)\(|\bpytest\.(exit|skip|xfail)\("
    r"|\bautouse\s*=\s*True|\bpytest_plugins\b|\bsys\.(modules|path|settrace)\b|\bsetattr\(|\bpatch(\.object)?\("
    r"|\bPYTEST_(ADDOPTS|PLUGINS)\b|\b_?pytest\.\w+(\.\w+)*\s*=[^=]|\bdeselect|\bitems\[|\.skip\b|\bbuiltins\."
)
_NO_COVER = re.compile(
    r"pragma:\s*no cover|istanbul ignore|c8 ignore|v8 ignore|#\[coverage\(off\)\]|no_coverage"
)
_PROSE = (".md", ".rst", ".txt", ".adoc")
_SPECIAL = re.compile(
    r"PYTEST_CURRENT_TEST|PYTEST_VERSION|[\"'](pytest|_pytest|unittest|nose)[\"']\s+(not\s+)?in\s+sys\.modules"
    r"|sys\.modules(\.get\(|\[)[\"']_?(pytest|unittest)|[\"']pytest[\"']\s+in\s+sys\.argv|JEST_WORKER_ID"
    r"|VITEST_(WORKER|POOL)|process\.env\.VITEST|NODE_ENV\W{1,8}[\"']test[\"']|\btesting\.Testing\(\)"
    r"|flag\.Lookup\([\"']test\.|\bcfg!\(test\)|#\[cfg\(not\(test\)\)\]|_called_from_test|\bTEST_WORKER_INDEX\b"
)


def settings_flags(path: str, old: bytes | None, new: bytes | None) -> Iterator[IntegrityFlag]:
    """Yield what a change does to the settings under which tests run or count."""
    name = path.rpartition("/")[2]
    if _CI.search(path):
        yield IntegrityFlag(path, _first(old, new), "ci", f"CI settings are {_verb(old, new)}")
    elif _COVERAGE.search(path):
        yield IntegrityFlag(path, _first(old, new), "coverage", f"coverage settings are {_verb(old, new)}")
    elif name == "conftest.py":
        yield from _conftest(path, old, new)
    elif name in _PARSERS:
        yield from _tables(path, old, new, _PARSERS[name])
    elif _RUNNER.search(path):
        yield IntegrityFlag(
            path, _first(old, new), "runner", f"the test runner's settings are {_verb(old, new)}"
        )
    elif _INSTALLED.search(path):
        yield IntegrityFlag(path, _first(old, new), "runner", f"installed code is {_verb(old, new)}")
    elif old is None and _SHADOW.search(path):
        yield IntegrityFlag(path, 1, "runner", "a module takes the place of the test runner's own")
    elif _VITE.fullmatch(name) and _test_options(path, old) != _test_options(path, new):
        yield IntegrityFlag(path, _first(old, new), "runner", "the options of Vitest change")
    elif name in (".npmrc", ".yarnrc", ".yarnrc.yml"):
        yield from _lines(path, old, new, _PROGRAMS, "runner", "what runs scripts changes")
    elif name == "Cargo.toml":
        yield from _lines(path, old, new, _CARGO_TEST, "runner", "how tests are built changes")
    elif name in _MAKEFILES and _target(old) not in (None, _target(new)):
        yield IntegrityFlag(path, _first(old, new), "runner", "the target that runs the tests changes")


def special_cases(files: Iterable[FileVersions]) -> Iterator[IntegrityFlag]:
    """Yield lines of product code that ask if they are tested, or hide from coverage, and did not move."""
    code = [file for file in files if not file.path.endswith(_PROSE)]
    gone = Counter(line.strip() for file in code for _, line in _added_lines(file.new, file.old))
    for file in code:
        for number, line in _added_lines(file.old, file.new):
            text = line.strip()
            if gone[text]:
                gone[text] -= 1
            elif _SPECIAL.search(line):
                said = f"product code asks whether it is being tested: {text[:70]}"
                yield IntegrityFlag(file.path, number, "special-case", said)
            elif _NO_COVER.search(line):
                said = f"a line is hidden from coverage: {text[:70]}"
                yield IntegrityFlag(file.path, number, "coverage", said)


def _added_lines(old: bytes | None, new: bytes | None) -> Iterator[tuple[int, str]]:
    """Yield the lines (from 1) that occur more often than before."""
    known = Counter((old or b"").decode("utf-8", "replace").splitlines())
    for number, line in enumerate((new or b"").decode("utf-8", "replace").splitlines(), start=1):
        if known[line]:
            known[line] -= 1
        else:
            yield number, line


def _verb(old: bytes | None, new: bytes | None) -> str:
    return "added" if old is None else "removed" if new is None else "changed"


def _first(old: bytes | None, new: bytes | None) -> int:
    return next((number for number, _ in _added_lines(old, new)), 1)


def _lines(
    path: str, old: bytes | None, new: bytes | None, pattern: re.Pattern[str], kind: str, text: str
) -> Iterator[IntegrityFlag]:
    for number, line in _added_lines(old, new):
        if pattern.search(line):
            yield IntegrityFlag(path, number, kind, f"{text}: {line.strip()[:70]}")


def _conftest(path: str, old: bytes | None, new: bytes | None) -> Iterator[IntegrityFlag]:
    """A new fixture is what tests need; a hook, an exit or a patch reaches every test."""
    if new is None:
        yield IntegrityFlag(path, 1, "runner", "the fixtures and hooks of the tests are removed")
        return
    yield from _lines(path, old, new, _CONFTEST, "runner", "what reaches every test changes")
    for number, line in _added_lines(new, old):
        if re.match(r"\s*(async\s+)?def\s+pytest_", line):
            yield IntegrityFlag(
                path, number, "runner", f"a hook of the tests is removed: {line.strip()[:70]}"
            )


# --- files with sections: only those about tests and coverage count -------------------------


def _tables(
    path: str, old: bytes | None, new: bytes | None, parse: Callable[[bytes], dict[str, Any] | None]
) -> Iterator[IntegrityFlag]:
    before, after = parse(old or b""), parse(new or b"")
    if before is None or after is None:
        yield IntegrityFlag(path, _first(old, new), "runner", "settings of the tests cannot be read any more")
        return
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            kind = "coverage" if re.search(r"cov|nyc|c8", name) else "runner"
            if old is None and (kind == "coverage" or not _OPTIONS.match(name)):
                continue  # nothing is lost by the first scripts, or by the first bound, of a project
            line = _line_of(new if name in after else old, name)
            change = (
                "changes"
                if name in before and name in after
                else "is added"
                if name in after
                else "is removed"
            )
            yield IntegrityFlag(path, line, kind, f"the setting {name} {change}")


def _line_of(data: bytes | None, name: str) -> int:
    key = name.rpartition(".")[2]
    lines = (data or b"").decode("utf-8", "replace").splitlines()
    return next((at for at, line in enumerate(lines, start=1) if key in line), 1)


def _pyproject(data: bytes) -> dict[str, Any] | None:
    try:
        tools: Any = tomllib.loads(data.decode()).get("tool", {})
        return {f"tool.{key}": value for name in _TOOLS for key, value in _flat(name, tools.get(name, {}))}
    except (ValueError, AttributeError, RecursionError):
        return None


def _flat(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():  # pyright: ignore[reportUnknownVariableType]
            yield from _flat(f"{prefix}.{key}", inner)
    else:
        yield prefix, value


def _sections(data: bytes) -> dict[str, Any] | None:
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(data.decode())
    except (configparser.Error, UnicodeDecodeError):
        return None
    wanted = [name for name in parser.sections() if _SECTIONS.fullmatch(name)]
    return {f"{name}.{key}": value for name in wanted for key, value in parser.items(name)}


def _package(data: bytes) -> dict[str, Any] | None:
    try:
        values: Any = json.loads(data or b"{}")
        scripts = _flat("scripts", values.get("scripts", {}))
        tests = {key: value for key, value in scripts if re.search(r"test|cov|check|ci\b", key)}
        runners = (_flat(name, values.get(name, {})) for name in _PACKAGE_KEYS)
        return tests | {key: value for found in runners for key, value in found}
    except (ValueError, AttributeError, RecursionError):
        return None


def _test_options(path: str, data: bytes | None) -> list[str]:
    """Return what the properties named `test` are, as text, in a file of settings that is code."""
    found: list[str] = []
    left = [new_parser(language_of(path) or "typescript").parse(data or b"").root_node]
    while left:
        node = left.pop()
        key = node.child_by_field_name("key") if node.type == "pair" else None
        if node.type == "shorthand_property_identifier" or key is not None:
            name, text = text_of(key or node), " ".join(text_of(node).split())
            found += [text] if name.strip("'\"") == "test" else []
        left.extend(node.named_children)
    return found


def _target(data: bytes | None) -> str | None:
    """Return the targets that run tests, with the variables that they name; None when there is none."""
    found: list[str] = []
    variables: defaultdict[str, list[str]] = defaultdict(list)
    inside = False
    for line in (data or b"").decode("utf-8", "replace").replace("\\\n", " ").splitlines():
        if line and not line[0].isspace():
            inside = _MAKE_TEST.match(line) is not None
        if inside and line.strip():
            found.append(line)
        elif variable := _MAKE_VARIABLE.match(line):
            variables[variable[1]].append(line)
    return "\n".join([*found, *_meant(found, variables)]) or None


def _meant(lines: Sequence[str], variables: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the definitions of variables that lines name, of those that these name, and of make's own."""
    left = [*_MAKE_OWN, *_MAKE_NAMED.findall("\n".join(lines))] if lines else []
    seen = set[str]()
    while left:
        name = left.pop()
        if name not in seen:
            seen.add(name)
            yield from variables.get(name, ())
            left += _MAKE_NAMED.findall("\n".join(variables.get(name, ())))


_PARSERS: dict[str, Callable[[bytes], dict[str, Any] | None]] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _sections,
    "tox.ini": _sections,
    "package.json": _package,
}
