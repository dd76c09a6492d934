"""Takes a shell command apart where that is safe: a chain of plain calls, each of one program.

The words stay as they were written, quotes and all, so that what is put back means the same. A command
with any other operator than `&&` is not taken apart.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Call", "chain", "unquote"]

_WORD = r"""(?:[^\s'"\\|&;<>()`#]|'[^']*'|"(?:[^"\\`]|\\.)*"|\\[^\n])+"""
_TOKEN = re.compile(rf"[ \t]*(?:(&&)[ \t\n]*|({_WORD}))")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PYTHON = re.compile(r"(python|pypy)[\d.]*")
_NODE_PAIRS = ("-r", "--require", "--import", "--loader", "-C", "--conditions")
_MODULE = re.compile(r"-[A-Za-z]*m")

# fmt: off
_WRAPPERS = (
    ("bunx",), ("c8",), ("command",), ("cross-env",), ("env",), ("exec",), ("npx",), ("nyc",), ("time",),
    ("coverage", "run"), ("hatch", "run"), ("npm", "exec"), ("pdm", "run"), ("pipenv", "run"),
    ("pnpm", "exec"), ("poetry", "run"), ("rye", "run"), ("uv", "run"), ("yarn", "exec"), ("yarn", "run"),
)
# fmt: on
"""Words that start another program, which follows after options of theirs."""


@dataclass(frozen=True, slots=True)
class Call:
    """A call of one program, in raw shell words.

    Attributes:
        prefix: what starts the program: assignments, `env`, `npx`, `python3 -m`, `coverage run -m`.
        words: the program, or the module after `-m`, and its arguments.
    """

    prefix: tuple[str, ...]
    words: tuple[str, ...]

    @property
    def program(self) -> str:
        """The program's name without its folder; empty when there is none."""
        return unquote(self.words[0]).rsplit("/", 1)[-1] if self.words else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The arguments as the program sees them, where nothing is expanded."""
        return tuple(map(unquote, self.words[1:]))

    @property
    def is_module(self) -> bool:
        """Whether Python runs it by `-m`."""
        return bool(self.prefix) and _MODULE.fullmatch(self.prefix[-1]) is not None

    @staticmethod
    def of(words: Sequence[str]) -> "Call":
        """Find the program behind everything that only starts another one."""
        at = _skip(words, 0)
        while (after := _inner(words, at)) is not None:
            at = _skip(words, after)
        return Call(tuple(words[:at]), tuple(words[at:]))


def chain(command: str) -> tuple[tuple[str, ...], ...] | None:
    """Return the words of each call of `a && b && …`; None when the command is anything else."""
    calls: list[list[str]] = [[]]
    at, text = 0, command.strip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            return None
        at = token.end()
        if token[1]:
            calls.append([])
        else:
            calls[-1].append(token[2])
    return tuple(map(tuple, calls)) if all(calls) else None


def unquote(word: str) -> str:
    """Return a raw word's value; a word that cannot be read stays as it is."""
    try:
        return "".join(shlex.split(word))
    except ValueError:
        return word


def _skip(words: Sequence[str], at: int) -> int:
    """Return the place after assignments."""
    while at < len(words) and _ASSIGNMENT.fullmatch(words[at]):
        at += 1
    return at


def _inner(words: Sequence[str], at: int) -> int | None:
    """Return where the program begins that the one at `at` starts; None when it starts none."""
    names = [unquote(word).rsplit("/", 1)[-1] for word in words[at : at + 2]]
    if names and _PYTHON.fullmatch(names[0]):
        return _after_module(words, at + 1)
    if names and names[0] == "node":
        return _installed_program(words, at + 1)
    wrapper = next((each for each in _WRAPPERS if tuple(names[: len(each)]) == each), None)
    if wrapper is None:
        return None
    start = at + len(wrapper)
    if wrapper == ("coverage", "run"):
        return _after_module(words, start)
    while start < len(words) and (words[start].startswith("-") or _ASSIGNMENT.fullmatch(words[start])):
        start += 1
    return start if start < len(words) else None


def _after_module(words: Sequence[str], at: int) -> int | None:
    """Return the place after Python's `-m`, which stands among options; None when there is none."""
    while at < len(words) - 1 and words[at].startswith("-"):
        if _MODULE.fullmatch(words[at]):
            return at + 1
        at += 2 if words[at] in ("-X", "-W") else 1
    return None


def _installed_program(words: Sequence[str], at: int) -> int | None:
    """Return the place of a package's program that Node runs by its file; None when it runs another."""
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _NODE_PAIRS else 1
    return at if at < len(words) and "node_modules/" in words[at] else None
