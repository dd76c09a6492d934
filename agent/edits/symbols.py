"""Edits of definitions, found by their qualified names in the text as it is now."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import takewhile

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import Symbol
from moot.agent.edits.forms import SymbolEdit
from moot.agent.edits.indent import indent_of, margin, reindent
from moot.agent.edits.text import Document
from moot.agent.syntax import language_of, string_rows

__all__ = ["Outline", "edit_symbol", "trimmed"]

Outline = Callable[[str, bytes], Sequence[Symbol]]
"""(path, text in UTF-8) -> its definitions, and its imports with the kind `import`."""

_COMMENT = re.compile(r"\s*(?://|#(?![\[!]|.*coding[:=])|/\*|\*|--)")
_DOC_COMMENT = re.compile(r"\s*(?://|/\*|\*|--)")
_OF_FILE = re.compile(r"copyright|licen[cs]e|spdx|eslint|@ts-|@flow|pylint|mypy|flake8|ruff", re.IGNORECASE)
"""In a comment at the top of a file that is not about the definition below it."""

_LANGUAGES_OF = {"#": ("python", "ruby", "bash", "php"), "--": ("sql",)}
"""Languages in which a mark begins a comment, where it begins code in others."""

_FIRST = re.compile(r"\s*$|#!|#.*coding[:=]")
_MARKS = (("@", "decorators"), ("#[", "attributes"), ("[", "attributes"), ("export ", "export"))
_TAIL = re.compile(r"\s*[;,]?\s*(?:#.*|//.*|--.*|/\*.*)?$")
_NOISE = re.compile(r"[()*&]|\[.*\]|<.*>")
_LISTED = 20
_WIDEST_GAP = 2


@dataclass(frozen=True, slots=True)
class _Span:
    """Whole lines [start, end) of a definition, its indentation, and what follows it on its last line.

    Attributes:
        path: of the file.
        free: index of the line after the definition before it, from which on a comment may be of this one.
    """

    start: int
    end: int
    indent: str
    tail: str
    path: str
    free: int


def edit_symbol(edit: SymbolEdit, path: str, document: Document, outline: Outline) -> Document:
    """Replace or delete a definition, or put text beside it.

    Raises:
        EditRejected: there is not exactly one, or the new text is not what it says.
    """
    symbols = outline(path, document.joined())
    symbol = _find(edit.symbol, path, symbols)
    span = _span(symbol, symbols, path, document)
    if edit.action == "delete":
        return _delete(document, span)
    text = trimmed(edit.text.split("\n"))
    if not text:
        raise EditRejected(f"the new text of {edit.symbol} is empty: write it whole, or remove the symbol")
    if edit.action == "replace":
        changed = _replace(document, span, text)
        outlines = symbols, outline(path, changed.joined())
        _check_replaced(symbol, span, (document, changed), outlines, path)
        return changed
    return _insert(document, span, text, edit)


def _find(name: str, path: str, symbols: Sequence[Symbol]) -> Symbol:
    wanted, _, line = name.rpartition("@")
    if not line.isdecimal():  # an import of `@scope/package`
        wanted, line = name, ""
    plain, statement = _plain(wanted), " ".join(wanted.split())
    stem = path.rsplit("/", 1)[-1].split(".")[0]
    definitions = [symbol for symbol in symbols if symbol.kind != "import"]
    imports = [symbol for symbol in symbols if symbol.kind == "import"]
    found = (
        [symbol for symbol in imports if symbol.qualified_name == statement]
        or [symbol for symbol in definitions if symbol.qualified_name == plain]
        or [symbol for symbol in definitions if symbol.name == plain]
        or [symbol for symbol in definitions if f"{stem}.{symbol.qualified_name}" == plain]
        or [symbol for symbol in imports if symbol.name == statement.removeprefix("import ")]
    )
    if line:
        found = [symbol for symbol in found if str(symbol.start_line) == line]
    if len(found) == 1:
        return found[0]
    if not found:
        raise EditRejected(f"{path} defines no symbol {name}{_nearest(plain, definitions)}")
    places = ", ".join(f"{symbol.qualified_name}@{symbol.start_line}" for symbol in found[:_LISTED])
    raise EditRejected(f"{name} is defined {len(found)} times in {path}: name one with its line, {places}")


def _plain(name: str) -> str:
    """Return a qualified name without what languages write around it: `(*Queue[T]).Push()`, `Ring::new`."""
    name = _NOISE.sub("", re.sub(r"\(.*\)\s*(?:->.*)?:?$", "", name.strip()) or name)
    words = re.sub(r"(?<=\w)#", ".", name.replace("::", ".")).split()  # but `A.#x` is a private name
    return words[-1].strip(".:`") if words else ""


def _nearest(name: str, symbols: Sequence[Symbol]) -> str:
    known = list(dict.fromkeys(symbol.qualified_name for symbol in symbols))
    last = name.rsplit(".", 1)[-1]
    close = [other for other in known if other.rsplit(".", 1)[-1] == last]
    close = close or get_close_matches(name, known, n=3) or known[:_LISTED]
    return f"; it defines {', '.join(close)}" if close else ""


def _span(symbol: Symbol, symbols: Sequence[Symbol], path: str, document: Document) -> _Span:
    data = document.joined()
    start, end = symbol.start_byte, symbol.end_byte
    end = start + len(data[start:end].rstrip())
    first, last = data.count(b"\n", 0, start), data.count(b"\n", 0, end)
    head = data[data.rfind(b"\n", 0, start) + 1 : start].decode("utf-8", "replace")
    tail = data[end:].split(b"\n", 1)[0].decode("utf-8", "replace")
    if head.strip() or not _TAIL.match(tail):
        raise EditRejected(f"{symbol.qualified_name} shares its line with other code: use SEARCH for it")
    before = data[: max((other.end_byte for other in symbols if other.end_byte <= start), default=0)].rstrip()
    return _Span(first, last + 1, head, tail, path, before.count(b"\n") + 1 if before else 0)


def _replace(document: Document, span: _Span, text: Sequence[str]) -> Document:
    known = frozenset(document.lines[span.start : span.end])
    new = reindent(text, span.indent, document.lines, string_rows(span.path, "\n".join(text)), known)
    if span.tail.strip() and not new[-1].endswith(span.tail.strip()):
        new[-1] += span.tail
    start = span.start
    # A comment above is part of the new text, so the old one goes.
    if _begins_comment(new[0], _COMMENT, span.path):
        start = _above(document, span, _COMMENT, new)
    return document.splice(start, span.end, _kept(document, start, span.end, new))


def _kept(document: Document, start: int, end: int, new: Sequence[str]) -> list[str | int]:
    """Keep equal lines at the beginning and the end as they are, with their own line ends."""
    items: list[str | int] = list(new)
    count = min(len(new), end - start)
    at = 0
    while at < count and document.lines[start + at] == new[at]:
        items[at] = start + at
        at += 1
    back = 1
    while back <= count - at and document.lines[end - back] == new[-back]:
        items[-back] = end - back
        back += 1
    return items


def _insert(document: Document, span: _Span, text: Sequence[str], edit: SymbolEdit) -> Document:
    if margin(text) and not span.indent:
        raise EditRejected(
            f"the text to put beside {edit.symbol} is indented as if inside of it: "
            f"name a definition inside, or begin the text at the left"
        )
    new = reindent(text, span.indent, document.lines, string_rows(span.path, "\n".join(text)))
    gap = [""] * _gap(document, span, new)
    if edit.action == "after":
        return document.splice(span.end, span.end, [*gap, *new])
    start = _above(document, span, _COMMENT)
    return document.splice(start, start, [*new, *gap])


def _gap(document: Document, span: _Span, new: Sequence[str]) -> int:
    """Return the blank lines between definitions here: as below this one, else as above, else by custom."""
    if len(new) == 1 and span.end - span.start == 1:
        return 0
    lines = document.lines
    below = next((at for at, line in enumerate(lines[span.end :]) if line.strip()), None)
    above = next((at for at, line in enumerate(reversed(lines[: span.start])) if line.strip()), None)
    sibling = below is not None and indent_of(lines[span.end + below]) == span.indent
    for gap in (below if sibling else 0, above):
        if gap:
            return min(gap, _WIDEST_GAP)
    return 1


def _delete(document: Document, span: _Span) -> Document:
    lines, start, end = document.lines, _above(document, span, _DOC_COMMENT), span.end
    above = below = 0
    while start - above > 0 and not lines[start - above - 1].strip():
        above += 1
    while end + below < len(lines) and not lines[end + below].strip():
        below += 1
    if end + below == len(lines):
        return document.splice(start - above, len(lines), [])
    return document.splice(start, end + min(above, below), [])


def _above(document: Document, span: _Span, comment: re.Pattern[str], new: Sequence[str] = ()) -> int:
    """Return where the comment right above a definition begins; lines with a star need their `/*`.

    A comment that is about the whole file is none of the definition, unless its new text has one, too.
    """
    start = at = span.start
    while at > span.free and _is_comment(document.lines[at - 1], comment, span.path):
        at -= 1
        line = document.lines[at].lstrip()
        if not line.startswith("*"):
            if at < start - 1 and (not line.startswith("/*") or "*/" in line):
                break
            start = at
    top = all(_FIRST.match(line) for line in document.lines[:start])
    kept = top and _is_of_file(document.lines[start : span.start])
    about = takewhile(lambda line: _begins_comment(line, comment, span.path), new)
    return span.start if kept and not _is_of_file(about) else start


def _begins_comment(line: str, comment: re.Pattern[str], path: str) -> bool:
    """Tell whether a line begins with a comment of the file's language, or is within one."""
    text = line.lstrip()
    marked = (languages for mark, languages in _LANGUAGES_OF.items() if text.startswith(mark))
    return comment.match(line) is not None and all(language_of(path) in languages for languages in marked)


def _is_comment(line: str, comment: re.Pattern[str], path: str) -> bool:
    """Tell whether a line is comment and nothing else."""
    text = line.lstrip()
    _, end, rest = text.rpartition("*/")
    code = end and rest.strip() and text.startswith(("/*", "*"))
    return _begins_comment(line, comment, path) and not code


def _is_of_file(comment: Iterable[str]) -> bool:
    """Tell whether a comment at the top of a file is about all of it, as a licence is."""
    return any(_OF_FILE.search(line) for line in comment)


def _check_replaced(
    symbol: Symbol,
    span: _Span,
    texts: tuple[Document, Document],
    outlines: tuple[Sequence[Symbol], Sequence[Symbol]],
    path: str,
) -> None:
    """Refuse a text that is something else than the definition whose place it takes."""
    (old, new), (before, after) = texts, outlines
    name, parent = symbol.qualified_name, symbol.qualified_name.rpartition(".")[0]
    if symbol.kind == "import":
        return
    last = span.end + len(new.lines) - len(old.lines)
    known = {other.qualified_name for other in before}
    inside = [other for other in after if span.start < other.end_line and other.start_line <= last]
    same = [other for other in inside if other.qualified_name == name]
    renamed = [
        other
        for other in inside
        if other.start_line > span.start
        and other.kind == symbol.kind
        and other.qualified_name.rpartition(".")[0] == parent
        and other.qualified_name not in known
    ]
    if not same and not renamed:
        raise EditRejected(
            f"the text for {name} does not define it: write the whole new definition of "
            f"{symbol.name}, without what is around it in {path}"
        )
    first = new.lines[(same or renamed)[0].start_line - 1].lstrip()
    _check_marks(name, old.lines[span.start].lstrip(), first, show=not old.hidden)


def _check_marks(name: str, old: str, new: str, *, show: bool) -> None:
    """Refuse a definition whose first line lacks what the old one began with."""
    for mark, what in _MARKS:
        if old.startswith(mark) and not new.startswith(mark):
            them = f" ({old})" if show else ""
            raise EditRejected(
                f"the text for {name} lacks its {what}: repeat them{them}, or use SEARCH to remove them"
            )


def trimmed(lines: Sequence[str]) -> list[str]:
    """Return lines without blank ones around them, and without code fences around all of them."""
    start, end = 0, len(lines)
    while start < end:
        if not lines[start].strip():
            start += 1
        elif not lines[end - 1].strip():
            end -= 1
        elif end - start > 1 and lines[start].startswith("```") and lines[end - 1].strip() == "```":
            start, end = start + 1, end - 1
        else:
            break
    return list(lines[start:end])
