"""Search/replace on a file, or the closest real lines."""

from collections.abc import Sequence

from moot.agent.core.errors import EditRejected
from moot.agent.edits.forms import SearchReplace
from moot.agent.edits.match import closest, find_matches, show
from moot.agent.edits.text import Document

__all__ = ["listed", "no_match", "search_replace"]

_LISTED = 5


def search_replace(edit: SearchReplace, path: str, document: Document) -> Document:
    """Replace lines that stand in exactly one place.

    Raises:
        EditRejected: they stand nowhere, or in several places.
    """
    search, new = _lines(edit.search), _lines(edit.replace)
    found = find_matches(document.lines, search, new)
    if not found:
        raise EditRejected(no_match(path, document, search, "SEARCH text"))
    if len(found) > 1:
        places = listed(document, [match.start for match in found], len(search))
        raise EditRejected(
            f"the SEARCH text occurs {len(found)} times in {path}: add lines to make it unique. {places}"
        )
    return document.splice(found[0].start, found[0].end, found[0].new)


def no_match(path: str, document: Document, wanted: Sequence[str], what: str) -> str:
    """Say that a text is not in a file, and show the real lines that resemble it most, if that is allowed."""
    if document.hidden:
        return f"the {what} is not in {path}, whose lines are not shown: {document.hidden}"
    lines = document.lines
    at = closest(lines, wanted)
    if at is None:
        start = show(lines, 0, 5)
        return f"the {what} is not in {path}, nor anything like it. The file begins with lines {start}"
    return f"the {what} is not in {path}. The closest lines are {show(lines, at, len(wanted))}"


def listed(document: Document, places: Sequence[int], count: int) -> str:
    """Say where lines stand that are in several places, and show them, if that is allowed."""
    if document.hidden:
        return f"Its lines are not shown: {document.hidden}"
    return "It is in lines\n" + "\n".join(show(document.lines, at, count) for at in places[:_LISTED])


def _lines(text: str) -> list[str]:
    if not text:
        return []
    lines = text.split("\n")
    return lines[:-1] if len(lines) > 1 and not lines[-1] else lines
