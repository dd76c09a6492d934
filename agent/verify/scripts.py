"""Replaces a call of a script (`npm test`, `make test`) by the commands that the script holds.

Only where that means the same: a script that cannot be read with certainty is called as it was written.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, Field, JsonValue, ValidationError

from moot.agent.verify.shell import Call, chain, unquote
from moot.agent.verify.tree import Tree

__all__ = ["MAKEFILES", "Package", "Segment", "moved", "read_package", "unfold"]

MAKEFILES = ("GNUmakefile", "makefile", "Makefile")

_DEPTH = 5
"""Scripts that call scripts."""

_DEEPEST = 100
"""Folders in each other: a longer row of `cd` is nobody's, and would take the square of its length."""

_MANAGERS = ("npm", "pnpm", "yarn", "bun")
_RUN = ("run", "run-script")
_TEST = ("test", "t", "tst")
_QUIET = ("--silent", "-s", "--if-present")
_ASSIGN = re.compile(r"^([A-Za-z_]\w*)[ \t]*[:?+]?:*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_USE = re.compile(r"\$[({]([A-Za-z_]\w*)[)}]")
_GLOBAL = re.compile(
    r"^\s*(-?include|sinclude|export|unexport|define|override|undefine|ifn?eq|ifn?def|\w+[ \t]*!="
    r"|SHELL|\.ONESHELL|\.SHELLFLAGS|\.RECIPEPREFIX)|^[^\t\n][^=\n]*=.*\\$",
    re.MULTILINE,
)


class Package(BaseModel):
    """What of a package.json matters here."""

    scripts: dict[str, JsonValue] = {}
    manager: Annotated[JsonValue, Field(alias="packageManager")] = ""
    dependencies: dict[str, JsonValue] = {}
    development: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue], alias="devDependencies")

    def script(self, name: str) -> str:
        """Return a script; empty when there is none, or npm's placeholder."""
        text = self.scripts.get(name)
        return text.strip() if isinstance(text, str) and "no test specified" not in text else ""


@dataclass(frozen=True, slots=True)
class Segment:
    """One call of a chain, and the folder where it starts, from the top."""

    words: tuple[str, ...]
    folder: str = ""
    script: bool = False


def unfold(command: str, tree: Tree) -> tuple[Segment, ...] | None:
    """Return the calls that a command makes one after the other; None when it cannot be taken apart."""
    return _unfold(command, "", False, tree, _DEPTH)


def _unfold(command: str, folder: str, script: bool, tree: Tree, depth: int) -> tuple[Segment, ...] | None:
    calls = chain(command)
    if calls is None:
        return None
    segments: list[Segment] = []
    for words in calls:
        segments += _one(Segment(words, folder, script), tree, depth)
        if words[0] == "cd":
            target = moved(folder, words)
            if target is None:
                return None
            folder = target
    return tuple(segments)


def _one(segment: Segment, tree: Tree, depth: int) -> Sequence[Segment]:
    """Return what a call stands for, else itself."""
    text = (_npm(segment, tree) or _make(segment, tree)) if depth else None
    inner = _unfold(text, segment.folder, True, tree, depth - 1) if text else None
    if inner is None or any(each.words[0] == "cd" for each in inner):
        return [segment]
    return inner


def read_package(data: bytes) -> Package:
    """Return what a package.json says; nothing when it cannot be read."""
    try:
        return Package.model_validate_json(data)
    except ValidationError:
        return Package()


def _npm(segment: Segment, tree: Tree) -> str:
    call = Call.of(segment.words)
    if call.prefix or call.program not in _MANAGERS:
        return ""
    name, arguments = _script_name(call.program, [word for word in call.words[1:] if word not in _QUIET])
    if not name:
        return ""
    package = read_package(tree.read(_join(segment.folder, "package.json")))
    script = package.script(name)
    if not script or "npm_" in script:
        return ""
    if tree.read(".pnp.cjs") or tree.read(_join(segment.folder, ".pnp.cjs")):
        return _through_yarn(script, arguments)
    hooks = [
        f"{call.program} run {hook}{name}" if package.script(hook + name) else "" for hook in ("pre", "post")
    ]
    return " && ".join(filter(None, [hooks[0], " ".join([script, *arguments]), hooks[1]]))


def _script_name(manager: str, words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Return which script a manager's arguments name, and what is passed on to it."""
    if words and words[0] in _RUN:
        words = words[1:]
    elif not words or not (
        words[0] in _TEST if manager == "npm" else manager != "bun" and words[0].isidentifier()
    ):
        return "", ()
    if not words or words[0].startswith("-"):
        return "", ()
    name = "test" if manager == "npm" and words[0] in _TEST else unquote(words[0])
    rest = list(words[1:])
    if manager == "npm" and rest and rest[0] != "--":
        return "", ()
    return name, rest[1:] if rest[:1] == ["--"] else rest


def _through_yarn(script: str, arguments: Sequence[str]) -> str:
    """Without node_modules only Yarn itself can start a package's program."""
    calls = chain(script)
    if calls is None or len(calls) != 1 or calls[0][0] == "yarn":
        return ""
    return " ".join(["yarn", "run", *calls[0], *arguments])


def _make(segment: Segment, tree: Tree) -> str:
    call = Call.of(segment.words)
    if call.prefix or call.program != "make" or len(call.words) != 2:
        return ""
    target = unquote(call.words[1])
    sources = (tree.read(_join(segment.folder, name)) for name in MAKEFILES)
    text = next(filter(None, sources), b"").decode(errors="replace")
    if _GLOBAL.search(text):
        return ""
    rules = re.findall(
        rf"^{re.escape(target)}[ \t]*:(?![:=])([^\n]*)\n((?:\t[^\n]*\n?)*)", text, re.MULTILINE
    )
    if len(rules) != 1:
        return ""
    needs, recipe = rules[0]
    lines = [line.strip().lstrip("@") for line in recipe.splitlines() if line.strip()]
    body = _substitute(" && ".join(lines), _variables(text))
    needs = needs.partition("#")[0].strip()
    if (
        not lines
        or "$" in body + needs
        or any(line.startswith(("-", "+", "#")) or line.endswith("\\") for line in lines)
    ):
        return ""
    return f"make {needs} && {body}" if needs else body


def _variables(text: str) -> dict[str, str]:
    """Return the variables of a Makefile that are assigned once: of the others the value is not certain."""
    found = _ASSIGN.findall(text)
    times = Counter(name for name, _ in found)
    return {name: value for name, value in found if times[name] == 1}


def _substitute(text: str, values: dict[str, str]) -> str:
    for _ in range(_DEPTH):
        text = _USE.sub(lambda found: values.get(found[1], found[0]), text)
    return text


def moved(folder: str, words: Sequence[str]) -> str | None:
    """Return the folder after `cd`, from the top; None when that is not known, or not in the repository."""
    target = unquote(words[1]) if len(words) == 2 else "-"
    if target.startswith(("-", "~")) or any(mark in target for mark in "$*?["):
        return None
    parts: list[str] = []
    for part in (PurePosixPath(folder) / target).parts:
        if part == "/" or (part == ".." and not parts):
            return None
        if part == "..":
            parts.pop()
        else:
            parts.append(part)
    return "/".join(parts) if len(parts) <= _DEEPEST else None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
