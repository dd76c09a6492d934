"""How a file looks in a context: whole, as a skeleton, by its name, or by what changed in it.

Each form is a block that starts with `<` and ends with a newline, so that the tokens of blocks add up.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import islice

from moot.agent.core.types import Symbol

__all__ = ["changes_block", "focus_block", "name_block", "skeleton_block", "whole_block"]

_IMPORT = re.compile(r"(?:import\b|from\s+\S+\s+import\b|use\s|export\s.*\bfrom\s|const\s.*=\s*require\()")
_MAX_IMPORT = 160  # characters
_MAX_IMPORT_LINES = 30
_SEARCHED_LINES = 400
_LOCAL_TO = ("function", "method")


def whole_block(path: str, text: str) -> str:
    """Return a file's whole text."""
    return f"<file path={_quote(path)}>\n{_closed(text)}</file>\n"


def skeleton_block(path: str, text: str, symbols: Sequence[Symbol]) -> str | None:
    """Return imports, signatures and first doc lines; None when the file defines nothing."""
    if not symbols:
        return None
    return f'<file path={_quote(path)} part="skeleton">\n{_skeleton(text, symbols)}</file>\n'


def focus_block(
    path: str, data: bytes, symbols: Sequence[Symbol], names: Sequence[str], *, outline: bool = False
) -> str | None:
    """Return imports, the named symbols whole and what they lie in; None when none of them is there.

    Args:
        path: of the file.
        data: its bytes.
        symbols: its definitions.
        names: qualified names of what is shown whole.
        outline: show the signatures of all definitions.
    """
    shown = [symbol for name in names for symbol in symbols if symbol.qualified_name == name]
    if not shown:
        return None
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    excerpts = "".join(
        f'<lines first="{first}" last="{last}">\n{_closed(chr(10).join(lines[first - 1 : last]))}</lines>\n'
        for first, last in _spans(shown)
    )
    around = [symbol for symbol in symbols if any(_encloses(symbol, inner) for inner in shown)]
    skeleton = _skeleton(text, symbols if outline else [symbol for symbol in around if symbol not in shown])
    part = "skeleton and excerpts" if outline else "excerpts"
    return f'<file path={_quote(path)} part="{part}">\n{skeleton}{excerpts}</file>\n'


def name_block(path: str, part: str = "name") -> str:
    """Return a file's path alone, with what there is to say of it."""
    return f"<file path={_quote(path)} part={_quote(part)}/>\n"


def changes_block(path: str, old: str, new: str) -> str:
    """Return what changed between two texts of a file, as a unified diff; empty when no line did.

    Applied to the old text as `whole_block` shows it, the diff gives the new one as that would show it.
    """
    diff = difflib.unified_diff(_lines(old), _lines(new))
    body = "".join(islice(diff, 2, None))  # without the two lines that name the file
    return f'<file path={_quote(path)} part="changes">\n{body}</file>\n' if body else ""


def _skeleton(text: str, symbols: Sequence[Symbol]) -> str:
    lines = [*_imports(text), *_signatures(symbols)]
    return "".join(f"{line}\n" for line in lines)


def _signatures(symbols: Sequence[Symbol]) -> Iterator[str]:
    open_spans: list[Symbol] = []
    for symbol in symbols:
        while open_spans and open_spans[-1].end_byte < symbol.end_byte:
            open_spans.pop()
        if any(outer.kind in _LOCAL_TO for outer in open_spans):
            continue
        doc = f"  # {symbol.doc}" if symbol.doc else ""
        yield "  " * len(open_spans) + symbol.signature + doc
        open_spans.append(symbol)


def _imports(text: str) -> Iterator[str]:
    lines = iter(text.split("\n")[:_SEARCHED_LINES])
    found = 0
    for line in lines:
        if not _IMPORT.match(line):
            continue
        while line.count("(") + line.count("{") > line.count(")") + line.count("}"):
            following = next(lines, None)
            if following is None:
                break
            line += " " + following.strip()
        yield line.rstrip() if len(line) <= _MAX_IMPORT else line[: _MAX_IMPORT - 1] + "…"
        found += 1
        if found == _MAX_IMPORT_LINES:
            return


def _encloses(outer: Symbol, inner: Symbol) -> bool:
    return outer is not inner and outer.start_byte <= inner.start_byte and inner.end_byte <= outer.end_byte


def _spans(symbols: Iterable[Symbol]) -> list[tuple[int, int]]:
    """Merge line spans that overlap or touch."""
    spans: list[tuple[int, int]] = []
    for first, last in sorted((s.start_line, s.end_line) for s in symbols):
        if spans and first <= spans[-1][1] + 1:
            spans[-1] = (spans[-1][0], max(last, spans[-1][1]))
        else:
            spans.append((first, last))
    return spans


def _closed(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _lines(text: str) -> list[str]:
    return [f"{line}\n" for line in _closed(text).split("\n")[:-1]]


def _quote(path: str) -> str:
    return '"' + escape(path, quote=True).replace("\n", "&#10;").replace("&#x27;", "'") + '"'
