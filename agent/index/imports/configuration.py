"""Configuration files, read for a few of their texts. A malformed or hostile one says nothing.

TOML is read line by line: the whole language takes quadratic time on keys with many dots.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import cast

__all__ = ["as_object", "as_strings", "read_json", "read_toml"]

_SECTION = re.compile(r"\[([\w.\"'-]+)\]\s*(?:#.*)?$")
_TEXT = re.compile(r"""["']?([\w./*@-]*)["']?\s*=\s*(?:"([^"\\]*)"|'([^']*)')\s*(?:#.*)?$""")
_STRING = r'("(?:\\.|[^"\\])*(?:"|\Z))'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?(?:\*/|\Z)", re.DOTALL)
_LAST_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])", re.DOTALL)


def read_json(data: bytes) -> Mapping[str, object]:
    """Return the object of a JSON file, which may have comments and commas before closing brackets."""
    text = data.decode("utf-8-sig", "replace")
    value = _json(text)
    if value is None:
        for extra in (_COMMENT, _LAST_COMMA):
            text = extra.sub(lambda match: match[1] or "", text)
        value = _json(text)
    return as_object(value)


def as_object(value: object) -> Mapping[str, object]:
    """Return a JSON value when it is an object, or else an empty one."""
    return cast("dict[str, object]", value) if isinstance(value, dict) else {}


def as_strings(value: object) -> Iterator[str]:
    """Yield the texts in a JSON value, however deep, in order."""
    waiting = [value]
    while waiting:
        top = waiting.pop()
        if isinstance(top, str):
            yield top
        elif isinstance(top, list):
            waiting.extend(reversed(cast("list[object]", top)))
        else:
            waiting.extend(reversed([*as_object(top).values()]))


def read_toml(data: bytes) -> dict[tuple[str, str], str]:
    """Return (section, key) -> text for the lines `key = "text"` of a TOML file."""
    found: dict[tuple[str, str], str] = {}
    section = ""
    for line in data.decode("utf-8", "replace").splitlines():
        if header := _SECTION.match(line.strip()):
            section = header[1]
        elif text := _TEXT.match(line.strip()):
            found.setdefault((section, text[1]), text[2] if text[2] is not None else text[3])
    return found


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
