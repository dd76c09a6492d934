"""What CI configuration, AGENTS.md and Makefiles say: the repository's own words, so data until shown."""

import re
import shlex
from collections.abc import Iterator

import yaml
from markdown_it import MarkdownIt

from moot.agent.verify.ecosystems.found import Files, Found, framework_of
from moot.agent.verify.scripts import MAKEFILES
from moot.agent.verify.shell import Call, chain

__all__ = ["agents_tests", "ci_tests", "make_tests"]

_CI = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.ya?ml|\.circleci/config\.ya?ml|\.travis\.ya?ml"
    r"|azure-pipelines\.ya?ml|appveyor\.ya?ml|\.drone\.ya?ml|\.woodpecker(?:/[^/]+)?\.ya?ml|bitbucket-pipelines\.ya?ml"
)
_STEPS = frozenset(("run", "script", "command", "commands", "test_script", "bash"))
_FOREIGN = ("pwsh", "powershell", "cmd", "python")
_HEADING = re.compile(r"\b(test|tests|testing|check|checks|verify|verification)\b", re.IGNORECASE)
_TARGETS = ("test", "tests", "check")
_MOST = 50
"""Commands taken from one file."""

_Step = tuple[str, int, str]
"""Text of a step, its first line, and the folder where it starts."""


def ci_tests(files: Files) -> Iterator[Found]:
    """Yield the commands of CI's steps that run tests."""
    for path in files.paths:
        if not _CI.fullmatch(path):
            continue
        steps = (found for step in _steps(files.text(path)) for found in _commands(step))
        for number, (command, line) in enumerate(steps):
            if number < _MOST:
                yield Found(command, framework_of(command), f"{path}:{line}", "CI runs it", suggested=True)


def agents_tests(files: Files) -> Iterator[Found]:
    """Yield commands that stand as code under a heading about tests."""
    path = files.first("AGENTS.md", "agents.md", ".github/AGENTS.md")
    heading = False
    under_test = False
    for token in MarkdownIt().parse(files.text(path)) if path else ():
        if token.type in ("heading_open", "heading_close"):
            heading = token.type == "heading_open"
            continue
        line = token.map[0] + 1 if token.map else 1
        if heading:
            under_test = _HEADING.search(token.content) is not None
        elif under_test and token.type in ("fence", "code_block"):
            text = re.sub(r"^\s*[$>] ", "", token.content, flags=re.MULTILINE)
            yield from _said(path, (text, line + (token.type == "fence"), ""))
        elif under_test and token.type == "inline":
            for child in token.children or ():
                if child.type == "code_inline":
                    yield from _said(path, (child.content, line, ""))


def make_tests(files: Files) -> Iterator[Found]:
    """Yield the targets of a Makefile that are named as tests."""
    path = files.first(*MAKEFILES)
    lines = files.text(path).splitlines() if path else []
    for target in _TARGETS:
        for number, line in enumerate(lines, 1):
            if re.match(rf"{target}(?:\s+[\w-]+)*\s*:(?![:=])", line):
                reason = "it is the target for tests"
                yield Found(f"make {target}", "", f"{path}:{number}", reason, suggested=True)
                break


def _said(path: str, step: _Step) -> Iterator[Found]:
    for command, line in _commands(step):
        yield Found(command, framework_of(command), f"{path}:{line}", "it is said there", suggested=True)


def _steps(text: str) -> list[_Step]:
    try:
        root = yaml.SafeLoader(text).get_single_node()
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    found: list[_Step] = []
    if root is not None:
        _walk(root, found, set())
    return found


def _walk(node: yaml.Node, found: list[_Step], seen: set[int]) -> None:
    """Gather what stands under the keys of steps; an alias is visited once."""
    if id(node) in seen or len(found) > _MOST:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _walk(item, found, seen)
    elif isinstance(node, yaml.MappingNode):
        pairs = {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}
        if _scalar(pairs.get("shell")).startswith(_FOREIGN):
            return
        folder = _scalar(pairs.get("working-directory") or pairs.get("working_directory"))
        for key, value in pairs.items():
            if key in _STEPS:
                found += _texts(value, folder, set())
            _walk(value, found, seen)


def _texts(node: yaml.Node, folder: str, seen: set[int]) -> Iterator[_Step]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        line = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
        yield node.value, line, folder
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _texts(item, folder, seen)


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _commands(step: _Step) -> Iterator[tuple[str, int]]:
    """Yield the lines of a step that run tests, without expressions of CI, with their numbers."""
    text, first, folder = step
    number = first
    for line in re.split(r"(?<!\\)\n", text):
        command = " ".join(line.replace("\\\n", " ").split())
        if "${{" not in command + folder and "<<" not in command and _runs_tests(command):
            yield (f"cd {shlex.quote(folder)} && {command}" if folder not in ("", ".") else command), number
        number += line.count("\n") + 1


def _runs_tests(command: str) -> bool:
    calls = chain(command)
    return calls is not None and any(_is_test(Call.of(words)) for words in calls)


def _is_test(call: Call) -> bool:
    if framework_of(" ".join((*call.prefix, *call.words))):
        return True
    arguments = [word for word in call.arguments if not word.startswith("-")]
    match call.program:
        case "npm" | "pnpm" | "yarn" | "bun":
            names = arguments[1:2] if arguments[:1] in (["run"], ["run-script"]) else arguments[:1]
            return any(re.fullmatch(r"t|tst|(unit-?)?tests?(:.*)?", name) for name in names)
        case "make" | "just" | "task":
            return bool(set(arguments) & {*_TARGETS, "unittest", "unit-test"})
        case "tox" | "nox" | "bats" | "ctest":
            return True
        case "manage.py":
            return arguments[:1] == ["test"]
        case _:
            return call.program.startswith("python") and "manage.py test" in " ".join(arguments)
