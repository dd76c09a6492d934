"""What the model is shown of a mask: the task in words, and the enclosing function as prefix and suffix."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from moot.agent.core.commands import TestCase
from moot.agent.fim.window import BYTES_PER_TOKEN, window
from moot.agent.repair.kinds import Mask
from moot.agent.repair.source import Source
from moot.agent.syntax import language_of, line_comment

__all__ = ["Brief", "Signatures", "brief", "context", "remarks", "scope", "without_echo"]

_TASK_FILE = "TASK.md"
_TASK_BYTES = 900
_ASSERTION_BYTES = 400
_AROUND_LINES = 15
_SHOWN_LINES = 4
"""Lines of masked text beyond which it is not shown: a longer text is rather to be written anew."""
_BEFORE, _FIXED = "before:", "fixed:"
_SUBJECT = 100
"""Characters of the task that stand beside the hole."""
_OPENING_LINES = 2
"""Lines of a function that are shown in any case: its name and arguments."""


Signatures = Callable[[str, str, str, str], list[tuple[str, str]]]
"""From a path and the text before, of and after a function to (path, signatures) of what it calls. Blocks."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What the model is told beside the code.

    Attributes:
        task: its words.
        assertion: the failing one, with its values.
        test: path and code of the failing test; None where it is not known.
    """

    task: str
    assertion: str
    test: tuple[str, str] | None = None

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Paths and texts of files that say it, to stand before all else.

        They are the same for all masks of a run, so that a server's prefix cache holds them after the first.
        """
        told = f"{self.task}\n\n{self.assertion}" if self.assertion else self.task
        return ((_TASK_FILE, told), *((self.test,) if self.test is not None else ()))

    @property
    def subject(self) -> str:
        """The beginning of the task's first line."""
        return self.task.partition("\n")[0][:_SUBJECT].strip()


def brief(task: str, failing: Sequence[TestCase], test: tuple[str, str] | None = None) -> Brief:
    """Shorten the task and the first failure to what fits before a function."""
    return Brief(_clip(task.strip(), _TASK_BYTES), _clip(_assertion(failing), _ASSERTION_BYTES), test)


def context(mask: Mask, source: Source, budget: int, subject: str = "") -> tuple[str, str]:
    """Return prefix and suffix of at most about `budget` tokens together, with remarks above the hole.

    They are of the enclosing function, below the line that opens its class.
    """
    lo, hi = scope(mask, source)
    before = source.data[lo : mask.start_byte].decode("utf-8", "replace")
    after = source.data[mask.end_byte : hi].decode("utf-8", "replace")
    before, after = window(before, after, budget * BYTES_PER_TOKEN, keep=_OPENING_LINES)
    at = before.rfind("\n") + 1
    before = before[:at] + remarks(mask, source, subject) + before[at:]
    return _opening(mask, source) + before + mask.lead, mask.tail + after


def remarks(mask: Mask, source: Source, subject: str = "") -> str:
    """Return comments with the lines of the masked text, and what is mended there.

    Most fixes keep much of what was there, and a model that does not see it invents the line anew; what the
    task says is worth more beside the hole than at the top alone (docs/repair.md has the figures). Empty
    where nothing is masked, or much.
    """
    start, end = mask.start_byte, mask.end_byte
    if start == end:
        return ""
    start = source.data.rfind(b"\n", 0, start) + 1
    lines = source.data[start : _line_end(source.data, end)].split(b"\n")
    if len(lines) > _SHOWN_LINES:
        return ""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())].decode("utf-8", "replace")
    marker = f"{indent}{line_comment(language_of(mask.path))}"
    was = [f"{_BEFORE} {line.decode('utf-8', 'replace').strip()}" for line in lines if line.strip()]
    told = [*was, f"{_FIXED} {subject}"] if subject else was
    return "".join(f"{marker} {text}\n" for text in told)


def without_echo(text: str, path: str) -> str:
    """Return an answer up to where it repeats remarks: what follows them is of the prompt, too."""
    marker = re.escape(line_comment(language_of(path)))
    found = re.search(rf"^[ \t]*{marker} (?:{_BEFORE}|{_FIXED}) ", text, re.MULTILINE)
    return text[: found.start()] if found else text


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end


def scope(mask: Mask, source: Source) -> tuple[int, int]:
    """Return the bytes of the enclosing function, or of some lines around the mask."""
    function = source.function_at(mask.start_byte)
    if function is not None:
        row = function.start_point.row + 1
        return source.line_start(row), min(len(source.data), function.end_byte + 1)
    row = source.data.count(b"\n", 0, mask.start_byte) + 1
    return source.line_start(max(1, row - _AROUND_LINES)), source.line_start(row + _AROUND_LINES)


def _opening(mask: Mask, source: Source) -> str:
    """Return the line that opens the enclosing class; empty where there is none."""
    owner = source.class_at(mask.start_byte)
    return f"{source.line(owner.start_point.row + 1)}\n" if owner is not None else ""


def _assertion(failing: Sequence[TestCase]) -> str:
    """Return what pytest marks with `E`, else the end of the message, of the first failing test."""
    if not failing:
        return ""
    lines = failing[0].message.strip().splitlines()
    marked = [line[1:].strip() for line in lines if re.match(r"E\s", line)]
    return "\n".join(marked[:4] or [line.strip() for line in lines[-2:]])


def _clip(text: str, size: int) -> str:
    return text if len(text) <= size else text[:size].rsplit(" ", 1)[0] + " …"
