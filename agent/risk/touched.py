"""Which definitions a change touches, and what it does to the public ones."""

from collections.abc import Iterable, Iterator, Sequence

from moot.agent.core.lines import changed_spans
from moot.agent.core.types import Symbol

__all__ = ["api_changes", "old_spans", "touched_names"]

_SHORTEST = 3
"""Characters of a name that says something as a word."""

_MOST = 20
"""Names that are looked up, those at the top of the file first."""

_CODE = frozenset({"function", "method", "class", "struct", "trait", "interface", "enum", "type"})
_MARKED = {
    **dict.fromkeys(("ts", "tsx", "js", "mjs", "jsx"), ("export",)),
    **dict.fromkeys(("rs",), ("pub",)),
    **dict.fromkeys(("java", "cs", "php", "swift"), ("public", "open")),
}
"""Words in a signature without which a definition is not public, by suffix."""


def old_spans(old: bytes, new: bytes) -> list[tuple[int, int]]:
    """Return the changed lines as in the old file (from 1, inclusive); of an insertion the line before."""
    spans = changed_spans(old.splitlines(), new.splitlines())
    return [(first + 1, last) if last > first else (first, first) for first, last, *_ in spans]


def touched_names(symbols: Iterable[Symbol], spans: Sequence[tuple[int, int]]) -> list[str]:
    """Return the names of definitions that changed lines lie in, each once."""
    names = (
        symbol.name
        for symbol in symbols
        if symbol.kind != "import"
        and any(first <= symbol.end_line and symbol.start_line <= last for first, last in spans)
    )
    told = (name for name in names if len(name) >= _SHORTEST and not name.startswith("__"))
    return list(dict.fromkeys(told))[:_MOST]


def api_changes(path: str, old: Iterable[Symbol], new: Iterable[Symbol]) -> Iterator[str]:
    """Yield in words each public definition that is gone, or has another signature.

    Args:
        path: says by which rule a definition is public.
        old, new: definitions of both versions.
    """
    after: dict[str, set[str]] = {}
    for symbol in new:
        after.setdefault(symbol.qualified_name, set()).add(_shape(symbol))
    for symbol in old:
        if not _is_public(path, symbol):
            continue
        shapes = after.get(symbol.qualified_name)
        if shapes is None:
            yield f"{path} no longer defines {symbol.qualified_name}"
        elif _shape(symbol) not in shapes:
            yield f"{path} changes the signature of {symbol.qualified_name}"


def _shape(symbol: Symbol) -> str:
    return " ".join(symbol.signature.split())


def _is_public(path: str, symbol: Symbol) -> bool:
    if symbol.kind not in _CODE or not all(symbol.qualified_name.split(".")):
        return False
    suffix = path.rpartition(".")[2]
    if suffix == "go":
        return symbol.name[:1].isupper()
    if any(part.startswith("_") for part in symbol.qualified_name.split(".")):
        return False
    words = _MARKED.get(suffix)
    return words is None or any(word in symbol.signature.split() for word in words)
