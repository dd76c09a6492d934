"""Suspicious lines to be corrected in chat, one at a time, and what the answers make of them.

An infill is written before the model has read on; in chat it reads the function whole, then the line, and the
prompts of one function differ in their last lines alone, so that the server has the rest cached. Either finds
fixes that the other does not (docs/repair.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent, indent

from moot.agent.core.messages import Completion
from moot.agent.fim.window import window
from moot.agent.repair.infill import Infill, infills
from moot.agent.repair.kinds import Mask, MaskKind
from moot.agent.repair.localise import Localisation, Suspect
from moot.agent.repair.masks import masks
from moot.agent.repair.prompt import scope
from moot.agent.repair.rewrite import fenced
from moot.agent.repair.source import Source
from moot.agent.syntax import string_rows

__all__ = ["Passage", "corrected", "passages"]

_KINDS = frozenset({MaskKind.STATEMENT, MaskKind.HEADER, MaskKind.LINE})
_MOST_LINES = 4
_SHOWN = 1_800
"""Characters of a function that are shown."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A statement, or the header of one, and what is shown around it.

    Attributes:
        text: as it stands there, without its indentation.
        code: the function around it, or as much of that as there is room for.
    """

    mask: Mask
    text: str
    code: str


def passages(found: Localisation, sources: Mapping[str, Source]) -> list[Passage]:
    """Return the statements, headers or lines that suspicious lines are in, the most suspicious first."""
    around: dict[tuple[str, int], Mask] = {}
    for mask in masks(found.suspects, sources):
        data = sources[mask.path].data
        first, more = (
            data.count(b"\n", *span) for span in ((0, mask.start_byte), (mask.start_byte, mask.end_byte))
        )
        if mask.kind in _KINDS and more < _MOST_LINES:
            for line in range(first + 1, first + more + 2):
                known = around.get((mask.path, line))
                if known is None or mask.kind is MaskKind.HEADER or _within(mask, known):
                    around[mask.path, line] = mask
    chosen = (
        around.get((suspect.path, suspect.line)) or _line(suspect, sources[suspect.path])
        for suspect in found.suspects
        if suspect.path in sources and sources[suspect.path].line(suspect.line).strip()
    )
    return [_passage(mask, sources[mask.path]) for mask in dict.fromkeys(chosen)]


def _within(mask: Mask, other: Mask) -> bool:
    return other.start_byte <= mask.start_byte and mask.end_byte <= other.end_byte


def _line(suspect: Suspect, source: Source) -> Mask:
    """Return one line of a longer statement, such as a table."""
    start, text = source.line_start(suspect.line), source.lines[suspect.line - 1].rstrip()
    margin = len(text) - len(text.lstrip())
    return Mask(suspect.path, start + margin, start + len(text), MaskKind.LINE, suspect.score)


def _passage(mask: Mask, source: Source) -> Passage:
    lo, hi = scope(mask, source)
    before, text, after = (
        source.data[start:end].decode("utf-8", "replace")
        for start, end in ((lo, mask.start_byte), (mask.start_byte, mask.end_byte), (mask.end_byte, hi))
    )
    above, below = window(before, after, max(0, _SHOWN - len(text)), keep=2)
    margin = _margin(mask, source)
    return Passage(mask, _shifted(margin + text.strip("\n"), mask.path, ""), (above + text + below).rstrip())


def corrected(passage: Passage, source: Source, answers: Sequence[Completion]) -> list[Infill]:
    """Return the distinct edits in answers, each parsing as well as before, best first."""
    margin = _margin(passage.mask, source)
    path = passage.mask.path
    texts = [_shifted(fenced(answer), path, margin).removeprefix(margin) for answer in answers]
    return infills(
        passage.mask,
        source,
        [replace(answer, text=text) for answer, text in zip(answers, texts, strict=True) if text],
    )


def _shifted(text: str, path: str, margin: str) -> str:
    """Return lines with a margin in place of what they have in common; those that begin in a string stay."""
    kept = {row for rows in string_rows(path, text) for row in rows}
    lines = text.split("\n")
    free = "\n".join(line for row, line in enumerate(lines) if row not in kept)
    shifted = iter(indent(dedent(free), margin).split("\n"))
    return "\n".join(line if row in kept else next(shifted) for row, line in enumerate(lines))


def _margin(mask: Mask, source: Source) -> str:
    """Return the blanks before a mask; none where more stands there."""
    start = source.data.rfind(b"\n", 0, mask.start_byte) + 1
    before = source.data[start : mask.start_byte].decode("utf-8", "replace")
    return before if not before.strip() else ""
