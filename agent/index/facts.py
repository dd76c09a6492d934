"""What is known about one blob, and the form in which it is stored."""

import json
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from moot.agent.core.types import Symbol

__all__ = [
    "EXTRACTOR_VERSION",
    "Base",
    "Facts",
    "Links",
    "Row",
    "State",
    "decode_counts",
    "decode_links",
    "decode_names",
    "decode_symbols",
]

EXTRACTOR_VERSION = 2
"""Part of every row's key: raise it when the queries, the terms or this form change."""

State = Literal["parsed", "words", "binary", "unread"]
"""parsed: by its grammar; words: terms, and definitions found line by line; binary and unread: path only."""


class Row(NamedTuple):
    """Facts as the store keeps them; the last three are JSON, decoded only when needed."""

    state: str
    symbol_count: int
    length: int
    generated: bool
    symbols: str
    links: str
    terms: str

    def header(self) -> str:
        """Return the small fields as one line of JSON."""
        return json.dumps([self.state, self.symbol_count, self.length, self.generated])

    @classmethod
    def join(cls, header: str, symbols: str, links: str, terms: str) -> "Row":
        """Rebuild a row from `header()` and its documents. Raises ValueError when malformed."""
        state, symbol_count, length, generated = json.loads(header)
        if state not in get_args(State):
            raise ValueError(f"unknown state {state!r}")
        return cls(state, int(symbol_count), int(length), bool(generated), symbols, links, terms)


class Base(NamedTuple):
    """A definition names what it inherits from or implements; `child` is its qualified name."""

    name: str
    child: str
    line: int


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

    @property
    def references(self) -> dict[str, int]:
        """How often each name is used, in any way."""
        counts = {name: len(lines) for name, lines in self.calls.items()}
        for name, lines in self.uses.items():
            counts[name] = counts.get(name, 0) + len(lines)
        return counts


_NO_LINKS = Links({}, {}, [], [])


@dataclass(frozen=True, slots=True)
class Facts:
    """What one blob holds.

    Attributes:
        symbols: definitions in order of position; their `path` is empty, since a blob has many places.
        links: what the blob says of others.
        terms: lower-case words and parts of identifiers, with counts.
        generated: the file says that a program wrote it.
    """

    state: State
    symbols: tuple[Symbol, ...] = ()
    links: Links = _NO_LINKS
    terms: dict[str, int] | None = None
    generated: bool = False

    def row(self) -> Row:
        """Return the stored form."""
        terms = self.terms or {}
        symbols = [(s.name, s.qualified_name, s.kind, *_span(s), s.signature, s.doc) for s in self.symbols]
        return Row(
            self.state,
            len(symbols),
            sum(terms.values()),
            self.generated,
            _dump(symbols),
            _dump(_linked(self.links)),
            _dump(terms),
        )


def decode_symbols(text: str, path: str) -> list[Symbol]:
    """Return the definitions of a stored row, placed at a path."""
    return [
        Symbol(name, qualified, kind, path, line, last, start, end, signature, doc)
        for name, qualified, kind, line, last, start, end, signature, doc in json.loads(text)
    ]


def decode_names(text: str) -> list[tuple[str, str]]:
    """Return the name and the qualified name of each definition of a stored row."""
    return [(symbol[0], symbol[1]) for symbol in json.loads(text)]


def decode_links(text: str) -> Links:
    """Return what a stored row says of other files."""
    calls, uses, imports, bases, package = json.loads(text)
    return Links(calls, uses, imports, [Base(*base) for base in bases], package)


def decode_counts(text: str) -> dict[str, int]:
    """Return the terms of a stored row."""
    return json.loads(text)


def _linked(links: Links) -> list[object]:
    return [links.calls, links.uses, links.imports, links.bases, links.package]


def _span(s: Symbol) -> tuple[int, int, int, int]:
    return s.start_line, s.end_line, s.start_byte, s.end_byte


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"))
