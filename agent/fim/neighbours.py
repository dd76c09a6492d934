"""What the rest of the repository says about the names around a hole: signatures, by file."""

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from moot.agent.core.ports import Index
from moot.agent.core.types import Symbol
from moot.agent.fim.trim import Hole
from moot.agent.screen import why_not_symbol
from moot.agent.syntax import language_of

__all__ = ["neighbours"]

_NAME = re.compile(r"[^\W\d]\w{2,}")
_LINES_BEFORE = 24
_LINES_AFTER = 8
_NAMES = 60
_MEMBERS = 12
_WITH_MEMBERS = frozenset({"class", "struct", "trait", "interface", "enum", "type", "protocol"})
_FOLDER_IS_PACKAGE = frozenset({"go", "java", "kotlin", "scala", "swift", "c_sharp"})
"""Languages whose files see each other within a folder, without an import."""


def neighbours(hole: Hole, index: Index, shown: tuple[str, str], room: int) -> list[tuple[str, str]]:
    """Return (path, signatures) of what is named near the hole, or imported, and defined elsewhere.

    Elsewhere is a file that this one imports, or a part of this file that the prompt leaves out. The most
    relevant file comes last, so that it stands next to the text that is completed. Blocks.

    Args:
        hole: its `path` is the one in the index.
        index: of the repository.
        shown: the parts of prefix and suffix that the prompt shows.
        room: characters for everything that is returned.
    """
    data = (hole.prefix + hole.suffix).encode("utf-8", "replace")
    own = index.outline(hole.path, data)
    names = dict.fromkeys([*_near(hole), *_imported(own)])
    found: dict[str, dict[Symbol, None]] = {}
    symbols = [*_left_out(own, hole, shown, names), *_elsewhere(hole, data, index, names)]
    for symbol in (each for each in symbols if why_not_symbol(each) is None):
        known = found.get(symbol.path, {})
        room -= 0 if symbol in known else len(_line(symbol)) + 1 + (0 if known else len(symbol.path) + 1)
        if room < 0:
            break
        found[symbol.path] = {**known, symbol: None}
    return [(path, _signatures(symbols)) for path, symbols in reversed(found.items())]


def _near(hole: Hole) -> list[str]:
    """Return the names near the hole, the nearest first."""
    before = hole.prefix.split("\n")[-_LINES_BEFORE:]
    after = hole.suffix.split("\n")[:_LINES_AFTER]
    names = [*reversed(_NAME.findall("\n".join(before))), *_NAME.findall("\n".join(after))]
    return list(dict.fromkeys(names))[:_NAMES]


def _imported(own: Iterable[Symbol]) -> list[str]:
    statements = [symbol.signature for symbol in own if symbol.kind == "import"]
    return [name for statement in statements for name in _NAME.findall(statement)]


def _left_out(
    own: list[Symbol], hole: Hole, shown: tuple[str, str], names: Iterable[str]
) -> Iterator[Symbol]:
    """Yield the definitions of the file itself that are named and that the prompt does not show."""
    first = len(hole.prefix.removesuffix(shown[0]).encode("utf-8", "replace"))
    last = len((hole.prefix + shown[1]).encode("utf-8", "replace"))
    hidden = [s for s in own if s.kind != "import" and not first <= s.start_byte < last]
    for name in names:
        yield from (symbol for symbol in hidden if symbol.name == name)


def _elsewhere(hole: Hole, data: bytes, index: Index, names: Iterable[str]) -> Iterator[Symbol]:
    """Yield what other files define under these names, each type with its members."""
    reached = set(index.imports(hole.path, data))
    folder = PurePosixPath(hole.path).parent
    by_folder = language_of(hole.path) in _FOLDER_IS_PACKAGE
    for name in names:
        for symbol in index.find(name):
            near = symbol.path in reached or (by_folder and PurePosixPath(symbol.path).parent == folder)
            if near and symbol.path != hole.path:
                yield symbol
                yield from _members(symbol, index)


def _members(symbol: Symbol, index: Index) -> list[Symbol]:
    if symbol.kind not in _WITH_MEMBERS:
        return []
    prefix = f"{symbol.qualified_name}."
    of_it = [s for s in index.symbols(symbol.path) if s.qualified_name.startswith(prefix)]
    return [s for s in of_it if "." not in s.qualified_name.removeprefix(prefix)][:_MEMBERS]


def _signatures(symbols: Iterable[Symbol]) -> str:
    return "\n".join(_line(symbol) for symbol in sorted(symbols, key=lambda symbol: symbol.start_byte))


def _line(symbol: Symbol) -> str:
    """Return a signature, a member's deeper than its owner's."""
    return f"{'    ' * symbol.qualified_name.count('.')}{symbol.signature}"
