"""Python text without what fills its functions and tables, which a parser then need not read.

Statements of functions that hold no definition, import or long string become `pass`, what brackets hold on
lines of its own a comment. Every position stays. A text that this breaks, such as one with brackets left open
where a body seems to end, has a syntax error afterwards, since `pass` is allowed only between statements.
"""

import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

__all__ = ["skim"]

_HEAD_END = re.compile(rb": *+(?:#[^\n]*+)?\n")
_SPACE = re.compile(rb"(?:[ \n]++|#[^\n]*+)*+")
_QUOTE = re.compile(rb"[rRbBuUfF]*(\"\"\"|'''|[\"'])")
_TABLE = re.compile(rb"\n( *+)\w++ *+= *+[\w.]*+[(\[{]++\n")
_ODD = (b"\t", b"\r", b"\f", b"\v")  # indentation is counted in spaces here
_KEPT = (b"def ", b"class ", b"import", b'"""', b"'''", b"type ")
_FOLLOWING = rb"[)\]}]|(?:else|elif|except|finally)\b"  # goes on with the statement before it
_PASS = b"pass"
_SHORT = 60  # bytes that are not worth the while


def skim(data: bytes) -> bytes:
    """Return a text of the same length with the same definitions, their documentation and imports.

    Only when the result has no syntax error; else the text itself is to be parsed.
    """
    if any(odd in data for odd in _ODD):
        return data
    text = _replaced(data, [(start, end, _passing(data, start, end)) for start, end in sorted(_bodies(data))])
    return _replaced(text, [(start, end, _comment(text, start, end)) for start, end in _tables(text)])


def _replaced(data: bytes, cuts: list[tuple[int, int, bytes]]) -> bytes:
    parts: list[bytes] = []
    done = 0
    for start, end, text in cuts:
        if start >= done:
            parts += (data[done:start], text)
            done = end
    return b"".join([*parts, data[done:]])


def _passing(data: bytes, start: int, end: int) -> bytes:
    """Return two statements that begin and end where those of the span do."""
    last = b"\n" * data.count(b"\n", start, end) + b" " * _column(data, start) + _PASS
    room = end - start - len(last)
    return _PASS.ljust(room, b"#") + last if room >= len(_PASS) else data[start:end]


def _comment(data: bytes, start: int, end: int) -> bytes:
    lines = data.count(b"\n", start, end)
    return b"#" * (end - start - lines) + b"\n" * lines


def _bodies(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where statements of functions begin and end that can be left out."""
    at = 0
    while (at := data.find(b"def ", at)) >= 0:
        indent = data[at - _column(data, at) : at]
        at += 4
        if indent.strip() not in (b"", b"async"):
            continue
        first, end = _body(data, at, len(indent) - len(indent.lstrip()))
        if end - first < _SHORT:
            continue
        end = _code_end(data, first, end)
        start = _code_start(data, first, end)
        if _holds_nothing(data, start, end):
            if end - start >= _SHORT:
                yield start, end
            at = max(at, end)
        else:
            yield from _statements(data, start, end)


def _body(data: bytes, at: int, width: int) -> tuple[int, int]:
    """Return where the lines below a header begin and end; nothing when all of it is on one line."""
    end = _dedent(data, at, width)
    # No further than the line behind: a search to the end for each definition would be quadratic.
    match = _HEAD_END.search(data, at, data.find(b"\n", end + 1) + 1 or len(data))
    first = match.end() if match else len(data)
    if first <= end:
        return first, end
    closed = data[end + 1 + width : end + 2 + width] == b")" and data.find(b"\n", end + 1) == first - 1
    return first, _dedent(data, first, width) if closed else first


def _statements(data: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield where runs of one body's statements begin and end that can be left out."""
    column = _column(data, start)
    begins = [start, *(match.end() for match in _aligned(column).finditer(data, start, end))]
    run, quoted = start, False
    for begin, after in pairwise([*begins, end + column + 1]):
        marks = data.count(b'"""', begin, after) + data.count(b"'''", begin, after)
        kept = quoted or data[begin : begin + 1] == b"@" or not _holds_nothing(data, begin, after)
        quoted ^= marks % 2 == 1
        if kept or after > end:
            stop = _code_end(data, run, (begin if kept else after) - column - 1)
            if stop - run >= _SHORT:
                yield run, stop
            run = after


def _tables(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where the lines between a value's brackets begin and end."""
    for match in _TABLE.finditer(data):
        end = _dedent(data, match.end(), len(match[1]))
        closed = data[end : end + len(match[1]) + 2].strip() in (b")", b"]", b"}")
        if closed and end - match.end() >= _SHORT and _holds_nothing(data, match.end(), end):
            yield match.end(), end


def _holds_nothing(data: bytes, start: int, end: int) -> bool:
    for kept in _KEPT:  # noqa: SIM110 - a generator takes as long as the search
        if data.find(kept, start, end) >= 0:
            return False
    return True


def _column(data: bytes, at: int) -> int:
    return at - data.rfind(b"\n", 0, at) - 1


def _dedent(data: bytes, start: int, width: int) -> int:
    """Return where the line ends after which a code line is indented by no more than a width."""
    match = _outside(width).search(data, start - 1)
    return match.start() if match else len(data)


@cache
def _outside(width: int) -> re.Pattern[bytes]:
    return re.compile(rb"\n {0,%d}+[^ \n#]" % width)


@cache
def _aligned(width: int) -> re.Pattern[bytes]:
    return re.compile(rb"\n {%d}(?![ \n#]|%b)" % (width, _FOLLOWING))


def _code_start(data: bytes, start: int, end: int) -> int:
    """Return where the first statement behind the documentation begins; `end` when that is not clear."""
    start = _first(data, start, end)
    if (quote := _QUOTE.match(data, start, end)) is None:
        return start
    close = data.find(quote[1], quote.end(), end)
    line = data.find(b"\n", close, end) if close >= 0 else -1
    return _first(data, line, end) if line >= 0 and data[line - 1 : line] != b"\\" else end


def _first(data: bytes, start: int, end: int) -> int:
    match = _SPACE.match(data, start, end)
    return match.end() if match else start


def _code_end(data: bytes, start: int, end: int) -> int:
    """Return where the last statement ends; `start` when that is not clear."""
    while end > start:
        line = max(start, data.rfind(b"\n", start, end) + 1)
        text = data[line:end].strip()
        if text and not text.startswith(b"#"):
            return start if b"#" in text or text[-1:] in b";\\" else line + len(data[line:end].rstrip())
        end = line - 1
    return start
