"""Packs a task and answers for a model to read: fenced, anonymous, numbered, and cut where they are long."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from moot.agent.fusion.seat import Seat
from moot.prompts import render

__all__ = [
    "EMPTY",
    "NOTHING",
    "READ_TOKENS",
    "Brief",
    "cut",
    "fence",
    "fill",
    "key_for",
    "pack",
    "parts",
    "room_in",
    "shares",
]

READ_TOKENS = 16_000
"""Tokens that a judge reads at most: attention is lost in more."""

_MAX_PARTS = 12
_KEY_CHARACTERS = 12
_SPARE_TOKENS = 64
"""Tokens for the chat template, on the high side."""
_FENCE_TOKENS = 24
"""Tokens of a fence's two lines, on the high side."""
_PART_TOKENS = 5
NOTHING: Mapping[str, str] = MappingProxyType({})
_CODE = re.compile(r"^\s*(```|~~~)")


@dataclass(frozen=True, slots=True)
class Brief:
    """What a model is shown.

    Attributes:
        key: what the fences end with.
        task: the request, fenced.
        answers: every answer, fenced.
        evidence: what else is known of them, fenced; empty where there is none.
        ids: what can be cited: parts like `A1`, evidence like `E1`.
        note: a sentence that says what was cut; empty when nothing was.
        whole_task: whether the task is shown to its end.
    """

    key: str
    task: str
    answers: str
    evidence: str
    ids: tuple[str, ...]
    note: str
    whole_task: bool = True


EMPTY = Brief("", "", "", "", (), "")


def fill(prompt: str, brief: Brief, **more: str) -> str:
    """Return a prompt about a brief; an empty one shows how long the rest of it is."""
    return render(
        prompt, task=brief.task, answers=brief.answers, key=brief.key, note=brief.note, **more
    ).rstrip()


async def room_in(seat: Seat, fixed: Sequence[str], answer_tokens: int) -> int:
    """Return the tokens that data may take beside the fixed texts of a prompt and the answer to it."""
    window = min(READ_TOKENS, seat.context - answer_tokens)
    return window - sum(await seat.count(list(fixed))) - _SPARE_TOKENS


async def pack(
    seat: Seat,
    task: str,
    answers: Mapping[str, str],
    room: int,
    evidence: Mapping[str, str] = NOTHING,
    *,
    numbered: bool = False,
) -> Brief:
    """Pack answers by their labels, and evidence by its ids, into so many tokens.

    Room is shared out evenly; what a short text leaves free goes to the longer ones, the task among them.
    With `numbered` parts of answers, these can be cited.
    """
    known = "\n".join(f"[{name}] {' '.join(text.splitlines())}" for name, text in evidence.items())
    texts = [task, known, *answers.values()]
    counts = await seat.count(texts)
    fixed = _FENCE_TOKENS * (2 + len(answers)) + _PART_TOKENS * _MAX_PARTS * len(answers) * numbered
    given = shares(counts, max(0, room - fixed))
    short = [_fitted(text, count, share) for text, count, share in zip(texts, counts, given, strict=True)]
    pieces = {label: parts(text) if numbered else () for label, text in zip(answers, short[2:], strict=True)}
    shown = {
        label: _numbered(label, pieces[label]) or text for label, text in zip(answers, short[2:], strict=True)
    }
    key = key_for(short)
    return Brief(
        key,
        fence(key, "task", short[0]),
        "\n".join(fence(key, f"answer {label}", text) for label, text in shown.items()),
        fence(key, "evidence", short[1]) if evidence else "",
        (*(f"{label}{n}" for label, each in pieces.items() for n in range(1, len(each) + 1)), *evidence),
        _note(["the task", "the evidence", *(f"answer {label}" for label in answers)], texts, short),
        whole_task=short[0] == task,
    )


def shares(counts: Sequence[int], room: int) -> list[int]:
    """Share room among texts of these sizes: each gets all it needs, or as much as any other that is cut."""
    given = [0] * len(counts)
    left, order = room, sorted(range(len(counts)), key=lambda at: counts[at])
    for position, at in enumerate(order):
        given[at] = min(counts[at], left // (len(order) - position))
        left -= given[at]
    return given


def cut(text: str, characters: int) -> str:
    """Cut a text to about so many characters: two thirds from its start, the rest from its end."""
    if len(text) <= characters:
        return text
    head = max(0, characters * 2 // 3)
    tail = max(0, characters - head)
    left_out = len(text) - head - tail
    return f"{text[:head]}\n[… {left_out} characters are left out here …]\n{text[len(text) - tail :]}"


def key_for(texts: Sequence[str]) -> str:
    """Return a key that marks fences: a hash of all texts, which none of them can have foreseen.

    It does not depend on their order, so that two prompts about the same texts have it in common.
    """
    seed = "\0".join(sorted(texts)).encode("utf-8", "replace")
    key = hashlib.blake2b(seed).hexdigest()[:_KEY_CHARACTERS]
    while any(key in text for text in texts):
        seed += b"\0"
        key = hashlib.blake2b(seed).hexdigest()[:_KEY_CHARACTERS]
    return key


def fence(key: str, name: str, text: str) -> str:
    """Put data between two lines that its author could not write."""
    return f"<<< {name} {key}\n{text}\n>>> {name} {key}"


def parts(text: str) -> list[str]:
    """Split a text where blank lines are, outside of code, into at most twelve parts; none is empty."""
    found: list[list[str]] = [[]]
    in_code = False
    for line in text.split("\n"):
        in_code ^= bool(_CODE.match(line))
        if line.strip() or in_code:
            found[-1].append(line)
        elif found[-1]:
            found.append([])
    texts = ["\n".join(lines) for lines in found if lines]
    return [*texts[: _MAX_PARTS - 1], "\n\n".join(texts[_MAX_PARTS - 1 :])][: max(1, len(texts))]


def _numbered(label: str, texts: Sequence[str]) -> str:
    return "\n\n".join(f"[{label}{number}] {text}" for number, text in enumerate(texts, 1))


def _fitted(text: str, count: int, share: int) -> str:
    return text if count <= share else cut(text, len(text) * share // max(1, count))


def _note(names: Sequence[str], texts: Sequence[str], short: Sequence[str]) -> str:
    found = [name for name, text, kept in zip(names, texts, short, strict=True) if text != kept]
    return f"{', '.join(found)} was too long to be shown whole." if found else ""
