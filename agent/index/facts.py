"""What is known about one blob, and the form in which it is stored."""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import add
from typing import Any, Literal, NamedTuple

from moot.agent.core.types import Symbol

__all__ = [
    "EXTRACTOR_VERSION",
    "Base",
    "Facts",
    "Imports",
    "Links",
    "Outlined",
    "State",
    "decode_imports",
    "decode_links",
    "decode_outline",
    "encode_links",
]

EXTRACTOR_VERSION = 7
"""Part of every row's key: raise it when the queries, the words or this form change."""

State = Literal["parsed", "words", "binary", "unread"]
"""parsed: by its grammar; words: words, and definitions found line by line; binary and unread: path only."""

_LEVEL = 6  # of zlib: a fortieth smaller than 4; what 9 saves beyond is nothing


class Outlined(NamedTuple):
    """A definition of a blob: a `Symbol` without a path, since a blob has many places."""

    name: str
    qualified_name: str
    kind: str
    start_line: int
    end_line: int
    start_byte: int
    end_byte: int
    signature: str
    doc: str

    def at(self, path: str) -> Symbol:
        """Place it."""
        name, qualified, kind, *span, signature, doc = self
        first, last, start, end = span
        return Symbol(name, qualified, kind, path, first, last, start, end, signature, doc)


class Base(NamedTuple):
    """A definition names what it inherits from or implements; `child` is its qualified name."""

    name: str
    child: str
    line: int


class Imports(NamedTuple):
    """What resolving a file's imports takes: the package that it declares, and the modules as written."""

    package: str
    modules: Sequence[str]


@dataclass(frozen=True, slots=True)
class Links:
    """What a blob says of others.

    Attributes:
        calls, uses: name -> the lines where it is called; where it is named as a type or as a base.
        imports: modules as written, imported names appended where the syntax has them.
        bases: what its definitions inherit from or implement.
        package: the package or namespace that the file declares.
    """

    calls: dict[str, list[int]]
    uses: dict[str, list[int]]
    imports: list[str]
    bases: list[Base]
    package: str = ""


_NO_LINKS = Links({}, {}, [], [])


@dataclass(frozen=True, slots=True)
class Facts:
    """What one blob holds.

    Attributes:
        outline: definitions in order of position.
        links: what the blob says of others.
        generated: the file says that a program wrote it.
    """

    state: State
    outline: Sequence[Outlined] = ()
    links: Links = _NO_LINKS
    generated: bool = False

    def encoded_symbols(self) -> bytes:
        """Return the stored form of the definitions: columns, positions as differences, compressed."""
        if not self.outline:
            return b""
        names, qualified, kinds, lines, lasts, starts, ends, signatures, docs = zip(
            *self.outline, strict=True
        )
        columns = (
            names,
            [0 if whole == name else whole for name, whole in zip(names, qualified, strict=True)],
            kinds,
            [line - before for line, before in zip(lines, (0, *lines[:-1]), strict=True)],
            [last - line for last, line in zip(lasts, lines, strict=True)],
            [start - before for start, before in zip(starts, (0, *starts[:-1]), strict=True)],
            [end - start for end, start in zip(ends, starts, strict=True)],
            signatures,
            docs,
        )
        return zlib.compress(_dump(columns).encode(), _LEVEL)

    def encoded_imports(self) -> str:
        """Return the stored form of the package and the imports."""
        return (
            _dump([self.links.package, *self.links.imports])
            if self.links.imports or self.links.package
            else ""
        )


def decode_outline(data: bytes) -> list[Outlined]:
    """Return the definitions of a stored row."""
    if not data:
        return []
    columns: list[list[Any]] = json.loads(zlib.decompress(data))
    names, qualified, kinds, lines, heights, starts, sizes, signatures, docs = columns
    lines, starts = list(accumulate(lines)), list(accumulate(starts))
    whole = [full or name for full, name in zip(qualified, names, strict=True)]
    lasts, ends = map(add, lines, heights), map(add, starts, sizes)
    rows = zip(names, whole, kinds, lines, lasts, starts, ends, signatures, docs, strict=True)
    return list(map(Outlined._make, rows))


def decode_imports(text: str) -> Imports:
    """Return the package and the imports of a stored row."""
    package, *modules = json.loads(text)
    return Imports(package, modules)


def encode_links(links: Links) -> bytes:
    """Return a line of JSON that `decode_links` reads."""
    return _dump([links.calls, links.uses, links.imports, links.bases, links.package]).encode()


def decode_links(data: bytes) -> Links:
    """Return what `encode_links` wrote. Raises ValueError when it is malformed."""
    calls, uses, imports, bases, package = json.loads(data)
    return Links(calls, uses, imports, [Base(*base) for base in bases], package)


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
