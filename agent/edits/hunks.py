"""The hunks of a unified diff on a file: placed by their content, all against the same text."""

from collections.abc import Sequence
from itertools import pairwise

from moot.agent.core.errors import EditRejected
from moot.agent.edits.forms import FileDiff, Hunk
from moot.agent.edits.match import Match, find_runs
from moot.agent.edits.search import listed, no_match
from moot.agent.edits.text import Document, new_document

__all__ = ["apply_hunks", "created"]


def apply_hunks(diff: FileDiff, path: str, document: Document) -> Document:
    """Apply every hunk; line numbers only decide between places that fit equally.

    Raises:
        EditRejected: a hunk fits nowhere or in several places, or two overlap.
    """
    places = [(_place(hunk, path, document), hunk) for hunk in diff.hunks]
    places.sort(key=lambda placed: placed[0].start)
    for (one, _), (other, _) in pairwise(places):
        if other.start < one.end or other.start == one.start:
            raise EditRejected(f"two hunks for {path} change line {other.start + 1}: join them")
    total = len(document.lines)
    for match, hunk in reversed(places):
        document = document.splice(match.start, match.end, match.new)
        if match.end == total and hunk.final_newline is not None:
            document = document.finished(hunk.final_newline)
    return document


def created(diff: FileDiff, path: str) -> Document:
    """Return the text of a file that a diff creates.

    Raises:
        EditRejected: the diff removes lines, so it is not about a new file.
    """
    lines = [line for hunk in diff.hunks for line in hunk.lines]
    if any(mark == "-" for mark, _ in lines):
        raise EditRejected(f"{path} does not exist, so a diff cannot remove lines from it")
    document = new_document("".join(f"{text}\n" for _, text in lines))
    return document.finished(not any(hunk.final_newline is False for hunk in diff.hunks))


def _place(hunk: Hunk, path: str, document: Document) -> Match:
    if all(mark == "+" for mark, _ in hunk.lines):
        if document.lines:
            raise EditRejected(
                f"a hunk for {path} only adds lines: put the unchanged lines around them into it"
            )
        return _match(hunk, 0)
    for tried in (hunk, _without_blank_ends(hunk)):
        for exact in (True, False):
            if found := _find(tried, document.lines, exact):
                return _match(tried, _choose(found, tried, path, document))
    raise EditRejected(no_match(path, document, [text for _, text in _old(hunk)], "text of a hunk"))


def _old(hunk: Hunk) -> list[tuple[str, str]]:
    return [line for line in hunk.lines if line[0] != "+"]


def _without_blank_ends(hunk: Hunk) -> Hunk:
    """Return a hunk less blank context around it, which models add for looks."""
    lines = list(hunk.lines)
    while lines and lines[0][0] in " ?" and not lines[0][1].strip():
        lines.pop(0)
    while lines and lines[-1][0] in " ?" and not lines[-1][1].strip():
        lines.pop()
    return Hunk(tuple(lines), hunk.start, hunk.heading, hunk.final_newline)


def _find(hunk: Hunk, lines: Sequence[str], exact: bool) -> list[int]:
    """Return where the old lines stand; a context line may lack the space that marks it."""
    old = _old(hunk)

    def fits(line: str, place: int) -> bool:
        mark, text = old[place]
        if not exact:
            line, text = line.rstrip(), text.rstrip()
        return line == text or (mark == " " and line == f" {text}")

    return find_runs(lines, len(old), fits) if old else []


def _choose(found: Sequence[int], hunk: Hunk, path: str, document: Document) -> int:
    """Decide between places by the stated line, if it is exactly one of them, or by the heading."""
    if len(found) == 1:
        return found[0]
    if hunk.start is not None and hunk.start - 1 in found:
        return hunk.start - 1
    under = [at for at in found if at in _under(hunk.heading, document.lines)]
    if len(under) == 1:
        return under[0]
    places = listed(document, found, len(_old(hunk)))
    raise EditRejected(f"a hunk fits {len(found)} places in {path}: add unchanged lines around it. {places}")


def _under(heading: str, lines: Sequence[str]) -> range:
    """Return the lines of the block that a heading opens; none when the heading is not one real line."""
    starts = [at for at, line in enumerate(lines) if heading and line.strip().startswith(heading)]
    if len(starts) != 1:
        return range(0)
    at = starts[0]
    indent = len(lines[at]) - len(lines[at].lstrip())
    for end in range(at + 1, len(lines)):
        text = lines[end].lstrip()
        if text and len(lines[end]) - len(text) <= indent and text[0] not in ")]}":
            return range(at, end)
    return range(at, len(lines))


def _match(hunk: Hunk, at: int) -> Match:
    new: list[str | int] = []
    place = at
    for mark, text in hunk.lines:
        if mark == "+":
            new.append(text)
        else:
            if mark != "-":
                new.append(place)
            place += 1
    return Match(at, place, tuple(new))
