"""Definitions found line by line, for files that a grammar cannot read to the end."""

import re
from collections.abc import Iterator
from functools import cache

from moot.agent.index.outline import Definition

__all__ = ["find_definitions"]

_MAX_LINE = 1000  # bytes; longer lines are data or minified
_NAME = rb"(?P<name>[A-Za-z_$][\w$]*)"
_ECMASCRIPT = (
    ("class", rb"(?:export\s+)?(?:default\s+)?(?:abstract\s+)?class\s+" + _NAME),
    ("function", rb"(?:export\s+)?(?:default\s+)?(?:async\s+)?function\s*\*?\s*" + _NAME),
    ("function", rb"(?:export\s+)?(?:const|let|var)\s+" + _NAME + rb"\s*=\s*(?:async\s*)?(?:\(|function\b)"),
    ("interface", rb"(?:export\s+)?interface\s+" + _NAME),
    ("enum", rb"(?:export\s+)?(?:const\s+)?enum\s+" + _NAME),
    ("type", rb"(?:export\s+)?type\s+" + _NAME + rb"\s*[=<]"),
)
_SQL_NAME = rb"(?:if\s+not\s+exists\s+)?(?:[\w\"`\[\]]+\s*\.\s*)*[\"`\[]?(?P<name>\w+)"
_MODIFIERS = (
    rb"(?:(?:public|protected|private|internal|fileprivate|static|final|abstract|sealed|partial|override"
    rb"|virtual|open|data|case|implicit|async|inner|value|readonly|unsafe|extern|indirect|mutating|suspend"
    rb"|inline|operator|infix|tailrec|companion|annotation|default|synchronized|native|ref|@\w+)\s+)*"
)
_TYPES = (
    ("enum", _MODIFIERS + rb"enum\s+(?:class\s+|struct\s+)?" + _NAME),
    ("class", _MODIFIERS + rb"(?:class|record|object|actor)\s+" + _NAME),
    ("interface", _MODIFIERS + rb"(?:fun\s+)?@?interface\s+" + _NAME),
    ("struct", _MODIFIERS + rb"struct\s+" + _NAME),
    ("trait", _MODIFIERS + rb"trait\s+" + _NAME),
    ("protocol", _MODIFIERS + rb"protocol\s+" + _NAME),
)
_NO_TYPE = (
    rb"(?!(?:return|else|if|while|for|switch|case|goto|new|delete|throw|using|import|package|await|yield)\b)"
)
_TYPED = ("method", _NO_TYPE + rb"(?:[\w<>\[\],.?@]+\s+)+" + _NAME + rb"\s*\([^;]*$")
_C_FUNCTION = (
    "function",
    _NO_TYPE + rb"(?:[\w*&:<>,~]+\s+)+[*&]*(?:(?P<receiver>\w+)(?:<[^>]*>)?::)?" + _NAME + rb"\s*\([^;]*$",
)
_C_TYPES = (
    ("struct", rb"(?:typedef\s+)?(?:struct|union)\s+" + _NAME + rb"\s*(?:[:{]|$)"),
    ("enum", rb"(?:typedef\s+)?enum\s+(?:class\s+)?" + _NAME + rb"\s*(?:[:{]|$)"),
    ("struct", rb"\}\s*" + _NAME + rb"\s*;"),
)
_PATTERNS: dict[str, tuple[tuple[str, bytes], ...]] = {
    "python": (("class", rb"class\s+" + _NAME), ("function", rb"(?:async\s+)?def\s+" + _NAME)),
    "javascript": _ECMASCRIPT,
    "typescript": _ECMASCRIPT,
    "tsx": _ECMASCRIPT,
    "go": (
        ("method", rb"func\s*\(\s*(?:\w+\s+)?\*?(?P<receiver>\w+)(?:\[[^\]]*\])?\s*\)\s*" + _NAME),
        ("function", rb"func\s+" + _NAME),
        ("struct", rb"type\s+" + _NAME + rb"(?:\[[^\]]*\])?\s+struct\b"),
        ("interface", rb"type\s+" + _NAME + rb"(?:\[[^\]]*\])?\s+interface\b"),
        ("type", rb"type\s+" + _NAME),
    ),
    "rust": tuple(
        (kind, rb"(?:pub(?:\([^)]*\))?\s+)?(?:(?:async|const|unsafe|default)\s+)*" + word + rb"\s+" + _NAME)
        for kind, word in (
            ("function", rb"fn"),
            ("struct", rb"(?:struct|union)"),
            ("enum", rb"enum"),
            ("trait", rb"trait"),
            ("module", rb"mod"),
        )
    ),
    "sql": tuple(
        (kind, rb"(?i:create\s+" + words + rb"\s+" + _SQL_NAME + rb")")
        for kind, words in (
            ("table", rb"(?:(?:global|local|temp|temporary|unlogged|external|foreign)\s+){0,2}table"),
            ("view", rb"(?:or\s+replace\s+)?(?:materialized\s+)?view"),
            ("function", rb"(?:or\s+replace\s+)?function"),
            ("procedure", rb"(?:or\s+replace\s+)?procedure"),
            ("trigger", rb"(?:or\s+replace\s+)?trigger"),
            ("index", rb"(?:unique\s+)?index(?:\s+concurrently)?"),
            ("type", rb"type"),
        )
    ),
    "java": (*_TYPES, _TYPED),
    "c_sharp": (*_TYPES, _TYPED),
    "c": (*_C_TYPES, _C_FUNCTION),
    "cpp": (
        ("class", rb"class\s+(?:\w+\s+)?" + _NAME + rb"\s*(?:final\s*)?(?:[:{]|$)"),
        *_C_TYPES,
        _C_FUNCTION,
    ),
    "ruby": (
        ("class", rb"class\s+(?:\w+::)*" + _NAME),
        ("module", rb"module\s+(?:\w+::)*" + _NAME),
        ("function", rb"def\s+(?:self\.)?(?P<name>[A-Za-z_]\w*[?!=]?)"),
    ),
    "php": (*_TYPES, ("function", _MODIFIERS + rb"function\s+&?" + _NAME)),
    "bash": (("function", rb"(?:function\s+(?P<name>[\w:-]+)|(?P<short>[\w:-]+)\s*\(\))"),),
    "kotlin": (*_TYPES, ("function", _MODIFIERS + rb"fun\s+(?:<[^>]*>\s*)?(?:[\w<>?]+\.)?" + _NAME)),
    "swift": (*_TYPES, ("function", _MODIFIERS + rb"func\s+" + _NAME)),
    "scala": (*_TYPES, ("function", _MODIFIERS + rb"def\s+" + _NAME)),
}


def find_definitions(data: bytes, language: str) -> list[Definition]:
    """Return the definitions whose first line looks like one.

    A definition ends before the next line that is not indented deeper, save for a closing bracket,
    which is exact for well-indented text.
    """
    lines = data.split(b"\n")
    offsets = [0]
    for line in lines:
        offsets.append(offsets[-1] + len(line) + 1)
    found: list[Definition] = []
    for row, kind, match in _matches(lines, language):
        last = _last_row(lines, row, len(match["indent"]))
        groups = match.groupdict()
        receiver = groups.get("receiver")
        name = "name" if match["name"] is not None else "short"
        start = offsets[row] + match.end("indent")
        found.append(
            Definition(
                name=match[name].decode("utf-8", "replace"),
                kind=kind,
                start=start,
                end=offsets[last] + len(lines[last].rstrip()),
                line=row + 1,
                last=last + 1,
                name_byte=offsets[row] + match.start(name),
                name_line=row + 1,
                head=start,
                receiver=receiver.decode("utf-8", "replace") if receiver else None,
            )
        )
    return found


def _matches(lines: list[bytes], language: str) -> Iterator[tuple[int, str, re.Match[bytes]]]:
    compiled = _compiled(language)
    for row, line in enumerate(lines):
        if len(line) > _MAX_LINE:
            continue
        for kind, pattern in compiled:
            if match := pattern.match(line):
                yield row, kind, match
                break


@cache
def _compiled(language: str) -> list[tuple[str, re.Pattern[bytes]]]:
    return [(kind, re.compile(rb"(?P<indent>[ \t]*)" + pattern)) for kind, pattern in _PATTERNS[language]]


def _last_row(lines: list[bytes], row: int, indent: int) -> int:
    last = row
    for index in range(row + 1, len(lines)):
        text = lines[index].strip()
        if not text:
            continue
        depth = len(lines[index]) - len(lines[index].lstrip())
        if depth <= indent and not (depth == indent and text[:1] in b"})];"):
            break
        last = index
        if depth == indent:
            break
    return last
