"""What participants claim of patches, as code that can be run, and what that comes to. Pure.

A run shows how patches differ and never by itself which one is right: for that a value has to be
endorsed, by the words of the task or by most of those who were asked for it and saw no patch.
"""

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from moot.agent.core.trials import Observed, Trial
from moot.agent.fusion.evidence import Evidence, Fact

__all__ = ["Claim", "Endorsed", "Tried", "against", "endorse", "fits", "same", "separates"]

Items = list[object] | tuple[object, ...]

_RAISED = ("Error", "Exception")
_ERROR = re.compile(r"[A-Za-z_][\w.]*")
_NAME = re.compile(r"[A-Za-z_$][\w$]*")
_CALL = re.compile(r"[\w.$]+\(.*\)[\w.\[\]'\"-]*")
"""A call, and what is taken of its result."""
_GIVES = r"(?:==|->|→|⇒|=>|returns?|gives?|(?:should|must) (?:be|give|return|equal)|\n)"
_VALUE = r"(?P<value>[^\n`]+?)\s*(?:`|[.;,]?\s*$)"


@dataclass(frozen=True, slots=True)
class Claim:
    """A defect that a participant names.

    Attributes:
        critic: who says so.
        about: id of the candidate that is said to have it.
        line: where, 1-based in the candidate's file; 0 when it was not said.
        expected: what the trial should give; `actual` what it is said to give instead.
        sentence: of the task, which that breaks.
    """

    critic: str
    about: str
    line: int
    expected: str
    actual: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Endorsed:
    """The value that a trial has to give, and how much that weighs, from 0 to 1.

    Attributes:
        by: `task`, or `N of M` of those who were asked.
    """

    value: str
    weight: float
    by: str


@dataclass(frozen=True, slots=True)
class Tried:
    """A trial that was run on the base and on candidates.

    Attributes:
        observed: by candidate, and the base's.
        expected: what those say that were asked for the value and saw no patch.
        claim: whose it is; None for an input that is only to tell candidates apart.
    """

    trial: Trial
    observed: Mapping[str, Observed]
    expected: tuple[str, ...] = ()
    endorsed: Endorsed | None = None
    claim: Claim | None = None

    def tells(self, candidate: str) -> bool:
        """Return whether it was seen what the trial gives with a candidate."""
        seen = self.observed.get(candidate)
        return seen is not None and seen.tells

    def lost(self, candidate: str) -> float:
        """Return how much it weighs against a candidate: nothing where it does not fail an endorsed value."""
        seen = self.observed.get(candidate)
        if self.endorsed is None or seen is None or not seen.tells or fits(seen, self.endorsed.value):
            return 0.0
        return self.endorsed.weight

    def holds(self) -> bool:
        """Whether a claim is borne out: the candidate fails a value that others than its critic endorse."""
        return self.claim is not None and self.lost(self.claim.about) > 0

    def evidence(self) -> Evidence:
        """Return it as a row of the table."""
        facts = tuple(Fact(subject, _shown(seen)) for subject, seen in self.observed.items())
        note = f"right is {self.endorsed.value} ({_by(self.endorsed)})" if self.endorsed else ""
        return Evidence(self.trial.id, f"`{_line(self.trial.code)}`", facts, note)


def separates(observed: Mapping[str, Observed], candidates: Iterable[str]) -> bool:
    """Return whether a trial tells these candidates apart; what is unsteady for one of them does not."""
    seen = [observed.get(candidate) for candidate in candidates]
    if not all(one is not None and one.tells for one in seen):
        return False
    return len({_outcome(one) for one in seen if one is not None}) > 1


def endorse(
    code: str, task: str, predictions: Sequence[str], base: Observed | None = None
) -> Endorsed | None:
    """Return the value that the task states, or that most predictions agree on.

    A majority weighs by its margin: all of three 1, two of three one third. One prediction alone is none,
    and an empty one, of somebody who was asked and gave none, speaks against all values.

    Args:
        code: of the trial.
        task: in the user's words.
        predictions: of those who saw no patch.
        base: what the trial gives before any edit: a value that a task states of that is as likely its
            complaint as its demand, and endorses nothing.
    """
    stated = _stated(code, task, base)
    if stated is not None:
        return Endorsed(stated, 1.0, "task")
    count = len(predictions)
    votes = [bool(value) * sum(same(value, other) for other in predictions) for value in predictions]
    most = max(votes, default=0)
    if count < 2 or most * 2 <= count:
        return None
    return Endorsed(predictions[votes.index(most)], (2 * most - count) / count, f"{most} of {count}")


def fits(seen: Observed, value: str) -> bool:
    """Return whether what was observed is a value, written as a literal or as the name of an exception."""
    if seen.kind == "late":
        return False
    if seen.kind == "value":
        return same(seen.text, value)
    name = _ERROR.match(seen.text)
    words = {word.rpartition(".")[2] for word in _ERROR.findall(value)}
    return name is not None and name[0].rpartition(".")[2] in words and _literal(value) is None


def same(first: str, second: str) -> bool:
    """Return whether two texts are the same value; True and 1 are not, 1 and 1.0 are.

    A model that is asked for a literal often gives a text without its quotes; names of exceptions are none.
    """
    one, other = _literal(first), _literal(second)
    if one is not None and other is not None:
        return one == other
    plain = _plain(first) == _plain(second)
    return plain or _is_text(one, second) or _is_text(other, first)


def against(tried: Sequence[Tried], candidate: str) -> float:
    """Return the weight of all that an endorsed value holds against a candidate."""
    return sum(each.lost(candidate) for each in tried)


def _stated(code: str, task: str, base: Observed | None) -> str | None:
    """Return the one value that the task says the last line gives, and the base does not.

    It is said as `call == value`, `call` -> value, `call` returns or should return value, or as a doctest.
    """
    call = r"\s*".join(map(re.escape, _call(code).split()))
    if not call:
        return None
    said = re.finditer(rf"(?<![\w.]){call}`?\s*{_GIVES}\s*`?{_VALUE}", task, re.MULTILINE)
    values = [value for each in said if _literal(value := each["value"].strip()) is not None]
    demanded = [value for value in values if base is None or not fits(base, value)]
    agreed = all(same(value, demanded[0]) for value in demanded)
    return demanded[0] if demanded and agreed else None


def _call(code: str) -> str:
    """Return the call in the last line; empty where it is none, or names what the lines before it set.

    Of such a line a task cannot speak: the same words mean another value there.
    """
    *before, last = [line.strip() for line in code.strip().splitlines()] or [""]
    call = last.rstrip(";").strip()
    assigned = {name for line in before if "=" in line for name in _NAME.findall(line.partition("=")[0])}
    return call if _CALL.fullmatch(call) and assigned.isdisjoint(_NAME.findall(call)) else ""


def _literal(text: str) -> tuple[object, object] | None:
    """Return a literal with its kinds, which keep True from being 1; None when the text is none."""
    try:
        value: object = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return _kinds(value), value


def _is_text(literal: tuple[object, object] | None, text: str) -> bool:
    return literal is not None and literal[1] == text.strip() and not text.strip().endswith(_RAISED)


def _kinds(value: object) -> object:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, list | tuple):
        return type(cast("object", value)).__name__, [_kinds(each) for each in cast("Items", value)]
    if isinstance(value, dict):
        return "dict", [_kinds(each) for each in cast("dict[object, object]", value).values()]
    return "number" if isinstance(value, int | float | complex) else type(value).__name__


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text.strip()).replace('"', "'").rstrip(";")


def _outcome(seen: Observed) -> tuple[str, str]:
    return seen.kind, seen.text.partition(":")[0] if seen.kind == "error" else seen.text


def _shown(seen: Observed) -> str:
    return {"late": "does not end", "unsteady": "not the same twice", "unusable": "cannot run"}.get(
        seen.kind, seen.text
    )


def _by(endorsed: Endorsed) -> str:
    return "the task says so" if endorsed.by == "task" else f"say {endorsed.by} who saw no patch"


def _line(code: str) -> str:
    return "; ".join(line.strip() for line in code.strip().splitlines() if line.strip())
