"""One name looked up: its definitions, where it is used and by whom, and what implements it.

Uses are matched by name, as ctags and grep do; a qualified name keeps those in files that also have to do
with its owner.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from moot.agent.core.types import Symbol
from moot.agent.index.corpus import Corpus
from moot.agent.index.facts import Base, Links

__all__ = ["SymbolReport", "Use", "find", "look_up"]

_TYPES = frozenset({"class", "struct", "trait", "interface", "enum", "type", "protocol", "module"})
_SEPARATOR = re.compile(r"::|#|->|/|\\")
_CLOSE = 5
_SIMILAR_LENGTH = 3

SymbolsOf = Callable[[str], list[Symbol]]
LinksOf = Callable[[Collection[str]], Iterator[tuple[str, Links]]]


@dataclass(frozen=True, slots=True)
class Use:
    """A line that uses a name: `call`, `base` (inherits from it or implements it), or `reference`.

    `within` is the qualified name of the definition around it; empty at the top of a file.
    """

    path: str
    line: int
    kind: str
    within: str


@dataclass(frozen=True, slots=True)
class SymbolReport:
    """What is known of a name; `close` holds other names, when nothing was found."""

    name: str
    definitions: tuple[Symbol, ...]
    references: tuple[Use, ...]
    callers: tuple[Symbol, ...]
    implementations: tuple[Symbol, ...]
    close: tuple[str, ...] = ()

    @property
    def found(self) -> bool:
        """Whether there is anything to show."""
        return bool(self.definitions or self.references)


def look_up(corpus: Corpus, name: str, symbols: SymbolsOf, links: LinksOf) -> SymbolReport:
    """Look a name up.

    Args:
        corpus: the tree.
        name: a name, or a qualified one as any language writes it (`A.b`, `A::b`, `A#b`).
        symbols: returns a file's definitions.
        links: yields (path, links) of files.
    """
    wanted, definitions = _read(corpus, name, symbols)
    owner, _, last = wanted.rpartition(".")
    paths = corpus.referring(last)
    if owner:
        paths = _concerned(corpus, paths, owner.rpartition(".")[2], {s.path for s in definitions})
    uses = list(_uses(last, symbols, links(paths)))
    report = SymbolReport(
        wanted,
        tuple(definitions),
        tuple(use for use, _ in uses),
        _distinct(around for use, around in uses if use.kind == "call" and around is not None),
        tuple(_implementations(corpus, definitions, symbols, links)),
    )
    return report if report.found else SymbolReport(wanted, (), (), (), (), _close(corpus, wanted))


def find(corpus: Corpus, name: str, symbols: SymbolsOf) -> list[Symbol]:
    """Return the definitions of a name, or of what ends with a qualified one; see `look_up`."""
    return _read(corpus, name, symbols)[1]


def _read(corpus: Corpus, name: str, symbols: SymbolsOf) -> tuple[str, list[Symbol]]:
    """Return a name with dots for the signs of its language, and its definitions.

    One that is defined as it is written keeps its signs: `#size`, `operator/`.
    """
    written = name.strip()
    dotted = _SEPARATOR.sub(".", written.removesuffix("()")).strip(".")
    for wanted in (written, written.removesuffix("()")):
        if definitions := _defined(corpus, wanted, symbols):
            return wanted, definitions
    return dotted, _defined(corpus, dotted, symbols)


def _ends(qualified: str, wanted: str) -> bool:
    return qualified == wanted or qualified.endswith(f".{wanted}")


def _concerned(corpus: Corpus, paths: list[str], owner: str, homes: set[str]) -> list[str]:
    """Keep the paths that name the owner, define it, or import a file that defines what is looked up."""
    known = homes | set(corpus.referring(owner)) | set(corpus.defining(owner))
    at = {corpus.paths.numbers[path] for path in homes}
    return [path for path in paths if path in known or at & set(corpus.imported(corpus.paths.numbers[path]))]


def _uses(
    name: str, symbols: SymbolsOf, files: Iterable[tuple[str, Links]]
) -> Iterator[tuple[Use, Symbol | None]]:
    for path, links in sorted(files, key=lambda item: item[0]):
        definitions = symbols(path)
        bases = {base.line for base in links.bases if base.name == name}
        lines = {line: "base" if line in bases else "reference" for line in links.uses.get(name, ())}
        lines |= dict.fromkeys(links.calls.get(name, ()), "call")
        for line, kind in sorted(lines.items()):
            around = _around(definitions, line)
            yield Use(path, line, kind, around.qualified_name if around else ""), around


def _around(symbols: list[Symbol], line: int) -> Symbol | None:
    """Return the innermost definition around a line that can hold code."""
    holding = [s for s in symbols if s.start_line <= line <= s.end_line]
    return min(holding, key=lambda s: (s.end_line - s.start_line, -s.start_byte), default=None)


def _distinct(symbols: Iterable[Symbol]) -> tuple[Symbol, ...]:
    return tuple(dict.fromkeys(symbols))


def _implementations(
    corpus: Corpus, definitions: list[Symbol], symbols: SymbolsOf, links: LinksOf
) -> Iterator[Symbol]:
    """Yield the types below a type, or the methods of the same name in the types below a method's."""
    found: dict[Symbol, None] = {}
    for symbol in definitions:
        owner, _, _ = symbol.qualified_name.rpartition(".")
        if symbol.kind in _TYPES:
            found |= dict.fromkeys(_below(corpus, symbol, symbols, links))
        elif symbol.kind in ("method", "function", "property") and owner:
            parents = [s for s in symbols(symbol.path) if s.qualified_name == owner and s.kind in _TYPES]
            for child in (c for parent in parents for c in _below(corpus, parent, symbols, links)):
                wanted = f"{child.qualified_name}.{symbol.name}"
                found |= dict.fromkeys(_defined(corpus, wanted, symbols))
    yield from sorted((s for s in found if s not in definitions), key=lambda s: (s.path, s.start_byte))


def _below(corpus: Corpus, symbol: Symbol, symbols: SymbolsOf, links: LinksOf) -> list[Symbol]:
    """Return the types that inherit from a type or implement it, at any distance."""
    found: dict[Symbol, None] = dict.fromkeys(_satisfying(corpus, symbol, symbols))
    waiting, seen = [symbol.name, *(child.name for child in found)], {symbol.name}
    while waiting:
        name = waiting.pop()
        for path, base in _children(corpus, name, links):
            child = base.child.rpartition(".")[2]
            local = [s for s in symbols(path) if s.qualified_name == base.child and s.kind in _TYPES]
            found |= dict.fromkeys(local or _types(corpus, child, symbols))
            if child not in seen:
                seen.add(child)
                waiting.append(child)
    return [s for s in found if s != symbol]


def _children(corpus: Corpus, name: str, links: LinksOf) -> Iterator[tuple[str, Base]]:
    for path, said in links(corpus.referring(name)):
        yield from ((path, base) for base in said.bases if base.name == name)


def _types(corpus: Corpus, name: str, symbols: SymbolsOf) -> list[Symbol]:
    return [s for s in _defined(corpus, name, symbols) if s.kind in _TYPES]


def _defined(corpus: Corpus, name: str, symbols: SymbolsOf) -> list[Symbol]:
    last = name.rpartition(".")[2]
    return [s for path in corpus.defining(last) for s in symbols(path) if _ends(s.qualified_name, name)]


def _satisfying(corpus: Corpus, interface: Symbol, symbols: SymbolsOf) -> Iterator[Symbol]:
    """Yield the Go types that have all methods that an interface lists."""
    if interface.kind != "interface" or not interface.path.endswith(".go"):
        return
    prefix = f"{interface.qualified_name}."
    wanted = [s.name for s in symbols(interface.path) if s.qualified_name.startswith(prefix)]
    owners: list[set[tuple[str, str]]] = []
    for name in wanted:
        methods = (
            s for s in _defined(corpus, name, symbols) if s.kind == "method" and s.path.endswith(".go")
        )
        owners.append({_receiver(s) for s in methods if "." in s.qualified_name})
    common = [owner for owner in owners[0] if all(owner in each for each in owners)] if owners else []
    for folder, owner in sorted(common):
        for symbol in _types(corpus, owner, symbols):
            if symbol.kind != "interface" and _folder(symbol) == folder:
                yield symbol


def _receiver(method: Symbol) -> tuple[str, str]:
    """Return a Go package's folder and the type that a method belongs to."""
    return _folder(method), method.qualified_name.rpartition(".")[0]


def _folder(symbol: Symbol) -> str:
    return symbol.path.rpartition("/")[0]


def _close(corpus: Corpus, wanted: str) -> tuple[str, ...]:
    """Return defined names that look like the wanted one: other case, a part of it, a slip."""
    low = wanted.lower()
    every = set(corpus.names())
    names = [name for name in every if abs(len(name) - len(wanted)) <= _SIMILAR_LENGTH]
    same = sorted(name for name in names if name.lower() == low)
    if same:
        return tuple(same[:_CLOSE])
    close = get_close_matches(wanted, names, n=_CLOSE, cutoff=0.75)
    inside = sorted((name for name in every if low in name.lower()), key=lambda n: (len(n), n))
    return tuple(dict.fromkeys([*close, *inside[:_CLOSE]]))[:_CLOSE]
