"""Python text without what fills its functions, which a parser then need not read.

Where a body holds no definition, import or long string, its first and last statement become `pass`, what is
between them a comment. Every position stays. A text that this breaks, such as one with brackets left open
where a body seems to end, has a syntax error afterwards, since `pass` is allowed only between statements.
"""

import re
from collections.abc import Iterator
from functools import cache

__all__ = ["skim"]

_HEAD_END = re.compile(rb": *(?:#[^\n]*)?\n")
_SPACE = re.compile(rb"(?:[ \n]|#[^\n]*)*")
_QUOTE = re.compile(rb"[rRbBuUfF]*(\"\"\"|'''|[\"'])")
_ODD = (b"\t", b"\r", b"\f", b"\v")  # indentation is counted in spaces here
_KEPT = (b"def ", b"class ", b"import", b'"""', b"'''", b"type ")
_PASS = b"pass"
_SHORT = 60  # bytes of a body that are not worth the while


def skim(data: bytes) -> bytes:
    """Return a text of the same length with the same definitions, their documentation and imports.

    Only when the result has no syntax error; else the text itself is to be parsed.
    """
    if any(odd in data for odd in _ODD):
        return data
    parts: list[bytes] = []
    done = 0
    for start, end in _bodies(data):
        first = data.rfind(b"\n", 0, start) + 1
        last = b"\n" * data.count(b"\n", start, end) + b" " * (start - first) + _PASS
        parts += [data[done:start], _PASS.ljust(end - start - len(last), b"#"), last]
        done = end
    return b"".join([*parts, data[done:]])


def _bodies(data: bytes) -> Iterator[tuple[int, int]]:
    """Yield where each function's statements begin and end that can be left out."""
    at = 0
    while (at := data.find(b"def ", at)) >= 0:
        indent = data[data.rfind(b"\n", 0, at) + 1 : at]
        at += 4
        if indent.strip() not in (b"", b"async") or (head := _HEAD_END.search(data, at)) is None:
            continue
        after = _dedent(len(indent) - len(indent.lstrip())).search(data, head.end() - 1)
        end = _code_end(data, head.end(), after.start() if after else len(data))
        start = _code_start(data, head.end(), end)
        if end - start >= _SHORT and not any(data.find(kept, start, end) >= 0 for kept in _KEPT):
            yield start, end
            at = end


@cache
def _dedent(width: int) -> re.Pattern[bytes]:
    return re.compile(rb"\n {0,%d}[^ \n#]" % width)


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
        line = data.rfind(b"\n", start - 1, end) + 1
        text = data[line:end].strip()
        if text and not text.startswith(b"#"):
            return start if b"#" in text or text[-1:] in b";\\" else line + len(data[line:end].rstrip())
        end = line - 1
    return start
