"""What is written to standard output: text of others as a terminal may have it, and JSON."""

import codecs
import json
import re
import sys
from collections.abc import Callable
from typing import Any

__all__ = ["LAYOUT", "UNDECODED", "print_as_is", "print_json", "printable"]

LAYOUT = "\n\t"
"""Control characters that a text of several lines needs."""

UNDECODED = "".join(map(chr, range(0xDC80, 0xDD00)))
"""What stands for the bytes of a file's name that are not UTF-8: a stream can write them as they were."""

_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ud800-\udfff\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f]"
)
_PICTURES, _UNKNOWN = 0x2400, "\N{REPLACEMENT CHARACTER}"


def printable(text: str, keep: str = "") -> str:
    """Return a text in which characters that move a cursor, hide text or turn its direction are seen.

    Ends of lines and tabs become spaces, other control characters their pictures (U+2400 and on), others
    U+FFFD.

    Args:
        keep: characters that stay; with `\\n` also `\\r\\n` ends a line.
    """
    whole = text.replace("\r\n", "\n") if "\n" in keep else text
    return _CONTROLS.sub(lambda found: found[0] if found[0] in keep else _picture(found[0]), whole)


def print_json(
    value: object, *, indent: int | None = None, default: Callable[[object], Any] | None = None
) -> None:
    """Print a value as JSON, in ASCII alone where standard output is not in UTF-8, as JSON has to be."""
    ascii_only = codecs.lookup(sys.stdout.encoding).name != "utf-8"
    print(json.dumps(value, indent=indent, default=default, ensure_ascii=ascii_only), flush=True)


def print_as_is(text: str) -> None:
    """Print a text for a program to read: nothing is added, and bytes that are not UTF-8 are as they were."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()


def _picture(char: str) -> str:
    if char in "\r\n\t":
        return " "
    return chr(_PICTURES + ord(char)) if ord(char) < 0x20 else _UNKNOWN
