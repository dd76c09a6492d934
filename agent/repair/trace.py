"""A stack trace in a task's words: which error it tells of, and in which function that was raised."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moot.agent.core.testfiles import is_test
from moot.agent.repair.frames import places
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of

__all__ = ["Read", "Trace", "read_trace", "shows"]

Read = Callable[[str], Source | None]
"""Returns a file of the repository by its path; None where there is none."""

_TYPED = re.compile(
    r"^[ \t>]*(?:Uncaught )?(?P<error>(?:\w+\.)*[A-Z]\w*)(?: \[\w+\])?(?:: (?P<text>.*))?$", re.MULTILINE
)
_PANIC = re.compile(r"\b(?P<error>panic): (?P<text>.*)")
_PANICKED = re.compile(r"(?P<error>panicked) at (?:'(?P<old>.*)', )?.*\n?(?P<text>.*)")
_VALUES = re.compile(r"\d+|\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")


@dataclass(frozen=True, slots=True)
class Trace:
    """An error and where it was raised.

    Attributes:
        error: the exception's type without its module; `panic` in Go, `panicked` in Rust.
        text: what it says; may be empty.
        frames: (path, line) of the repository's code, the innermost first.
        function: the innermost of the repository's functions; empty where the code is in none.
    """

    error: str
    text: str
    frames: tuple[tuple[str, int], ...]
    function: str

    @property
    def path(self) -> str:
        """The file of the innermost frame."""
        return self.frames[0][0]

    @property
    def told(self) -> str:
        """The error with what it says."""
        return f"{self.error}: {self.text}" if self.text else self.error


def read_trace(text: str, files: Sequence[str], read: Read) -> Trace | None:
    """Return the stack trace in a text; None where none leads to code of the repository that is no test.

    Args:
        text: a task, or a failing test's message.
        files: paths of the repository.
        read: gives the files, to tell in which function a line is.
    """
    frames = tuple(place for place in places(text, files) if not is_test(place[0]))
    error = _error(text, language_of(frames[0][0]) or "") if frames else None
    if error is None:
        return None
    path, line = frames[0]
    return Trace(*error, frames, _named(text, path, line) or _function(read(path), line))


def shows(message: str, trace: Trace, files: Sequence[str], read: Read) -> bool:
    """Tell whether a failing test's message is of the same error, raised in the same function.

    What a panic says has to be the same, too, but for numbers and what is in quotes: it has no type.
    """
    frames = [place for place in places(message, files) if not is_test(place[0])]
    if not frames or frames[0][0] != trace.path:
        return False
    if _function(read(trace.path), frames[0][1]) != trace.function:
        return False
    if language_of(trace.path) in ("go", "rust"):
        return trace.error in message and _skeleton(trace.text) in _skeleton(message)
    begins = rf"^(?:E\s|\S+:\d+:)?[\s'\"]*(?:\w+\.)*{re.escape(trace.error)}\b"  # code is shown, too
    return re.search(begins, message, re.MULTILINE) is not None


def _error(text: str, language: str) -> tuple[str, str] | None:
    """Return the type of the error and what it says, without the type's module."""
    match language:
        case "python":
            frames = list(re.finditer(r"\", line \d+.*", text))
            found = _TYPED.search(text, frames[-1].end()) if frames else None
        case "javascript" | "typescript" | "tsx":
            first = re.search(r"^[ \t>]*at .*:\d+", text, re.MULTILINE)
            before = list(_TYPED.finditer(text, 0, first.start())) if first else []
            found = next((each for each in reversed(before) if each["text"] is not None), None)
        case "go":
            found = _PANIC.search(text) if "goroutine " in text else None
        case "rust":
            found = _PANICKED.search(text)
        case _:
            found = None
    if found is None:
        return None
    says = found.groupdict().get("old") or found["text"] or ""
    return found["error"].rpartition(".")[2], says.strip()


def _named(text: str, path: str, line: int) -> str:
    """Return the function that a frame names, of Python or JavaScript: the lines may be another version's."""
    file = re.escape(path.rpartition("/")[2])
    python = re.search(rf"{file}\", line {line}, in (\w+)", text)
    script = rf"\bat (?:async )?(?:[\w$.<>]+[. ])?([\w$]+) \([^()\n]*{file}:{line}:\d+\)"
    found = python or re.search(script, text)
    return found[1] if found else ""


def _function(source: Source | None, line: int) -> str:
    return source.function_name(line) if source is not None else ""


def _skeleton(text: str) -> str:
    return _VALUES.sub("#", text)
