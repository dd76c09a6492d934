"""What CI configuration, AGENTS.md and Makefiles say: the repository's own words, so data until shown."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass

import yaml
from markdown_it import MarkdownIt

from moot.agent.verify.ecosystems.found import Files, Found, framework_of
from moot.agent.verify.scripts import MAKEFILES, moved
from moot.agent.verify.shell import Call, chain

__all__ = ["agents_tests", "ci_tests", "make_tests"]

_CI = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.ya?ml|\.circleci/config\.ya?ml|\.travis\.ya?ml"
    r"|azure-pipelines\.ya?ml|appveyor\.ya?ml|\.drone\.ya?ml|\.woodpecker(?:/[^/]+)?\.ya?ml|bitbucket-pipelines\.ya?ml"
)
_STEPS = frozenset(("run", "script", "command", "commands", "test_script", "bash"))
_FOREIGN = ("pwsh", "powershell", "cmd", "python")
_HEADING = re.compile(r"\b(test|tests|testing|check|checks|verify|verification)\b", re.IGNORECASE)
_OPEN = re.compile(r"\$\{\{|<<")
"""An expression of CI, or a document that begins on a line: what runs is not known from it."""

_JOINT = re.compile(r"&&|\|\||;")
_TARGETS = ("test", "tests", "check")
_MOST = 50
"""Commands taken from one file."""

_Text = tuple[str, int]
"""Lines of commands, and the number of the first one."""


@dataclass(frozen=True, slots=True)
class _Step:
    """Commands that are given together.

    Attributes:
        texts: what one shell runs, in order.
        folder: where it starts.
        prose: it is no script: each line is said by itself, but for a `cd` on a line of its own.
    """

    texts: tuple[_Text, ...]
    folder: str = ""
    prose: bool = False


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
            yield from _said(path, (text, line + (token.type == "fence")))
        elif under_test and token.type == "inline":
            for child in token.children or ():
                if child.type == "code_inline":
                    yield from _said(path, (child.content, line))


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


def _said(path: str, text: _Text) -> Iterator[Found]:
    for command, line in _commands(_Step((text,), prose=True)):
        yield Found(command, framework_of(command), f"{path}:{line}", "it is said there", suggested=True)


def _steps(text: str) -> list[_Step]:
    try:
        root = yaml.SafeLoader(text).get_single_node()
    except (yaml.YAMLError, RecursionError, ValueError):
        return []
    found: list[_Step] = []
    if root is not None:
        _walk(root, found, set(), "")
    return found


def _walk(node: yaml.Node, found: list[_Step], seen: set[int], folder: str) -> None:
    """Gather what stands under the keys of steps; an alias is visited once.

    Args:
        folder: where steps start that name no folder of their own.
    """
    if id(node) in seen or len(found) > _MOST:
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            _walk(item, found, seen, folder)
    pairs = _pairs(node)
    if _scalar(pairs.get("shell")).startswith(_FOREIGN):
        return
    defaults = _pairs(_pairs(pairs.get("defaults")).get("run"))
    folder = _scalar(defaults.get("working-directory")) or folder
    start = _scalar(pairs.get("working-directory") or pairs.get("working_directory")) or folder
    for key, value in pairs.items():
        if key in _STEPS and (texts := tuple(_texts(value, set()))):
            found.append(_Step(texts, start))
        _walk(value, found, seen, folder)


def _pairs(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return what a mapping holds under plain keys; nothing when it is none."""
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {key.value: value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _texts(node: yaml.Node, seen: set[int]) -> Iterator[_Text]:
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        line = node.start_mark.line + (2 if node.style in ("|", ">") else 1)
        yield node.value, line
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _texts(item, seen)


def _scalar(node: yaml.Node | None) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def _commands(step: _Step) -> Iterator[tuple[str, int]]:
    """Yield the lines of a step that run tests, without expressions of CI, with their numbers."""
    folder: str | None = step.folder
    for text, first in step.texts:
        number = first
        for line in re.split(r"(?<!\\)\n", text):
            command = " ".join(line.replace("\\\n", " ").split())
            if folder is not None and _runs_tests(command) and not _OPEN.search(f"{folder} {command}"):
                yield _within(folder, command), number
            if not step.prose or not _JOINT.search(command):
                folder = _left(folder, command)
            number += line.count("\n") + 1


def _within(folder: str, command: str) -> str:
    return command if folder in ("", ".") else f"cd {shlex.quote(folder)} && {command}"


def _left(folder: str | None, command: str) -> str | None:
    """Return the folder where a shell is after a line; None when that is not known."""
    for part in _JOINT.split(command):
        if folder is not None and part.split()[:1] == ["cd"]:
            calls = chain(part)
            folder = moved(folder, calls[0]) if calls else None
    return folder


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
