"""The outline of a text that no commit holds yet: its definitions, and its import statements."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from moot.agent import syntax
from moot.agent.core.types import Symbol
from moot.agent.index.extract import MAX_BYTES, extract
from moot.agent.index.facts import Outlined
from moot.agent.index.languages import language_of

if TYPE_CHECKING:
    from tree_sitter import Node

__all__ = ["outline_of", "outline_text"]

_IMPORTS = frozenset(
    {
        "import_statement",
        "import_from_statement",
        "future_import_statement",
        "import_declaration",
        "use_declaration",
    }
)
_MODULES = frozenset(
    {
        "dotted_name",
        "relative_import",
        "string",
        "interpreted_string_literal",
        "scoped_identifier",
        "identifier",
    }
)


def outline_text(path: str, data: bytes) -> list[Symbol]:
    """Return definitions in order of position, and top-level imports with the kind `import`.

    Args:
        path: says the language; the symbols carry it.
        data: the text in UTF-8; nothing is found in one over `MAX_BYTES`.
    """
    return [each.at(path) for each in outline_of(data, language_of(path))]


def outline_of(data: bytes, language: str, *, parse: bool = True) -> list[Outlined]:
    """Return what `outline_text` does, without a path; unparsed, definitions line by line and no imports."""
    root = _root(data, language) if parse else None
    facts = extract(data, language, parse=parse, references=False, root=root)
    return [*facts.outline, *(_imports(root) if root is not None else ())]


def _root(data: bytes, language: str) -> "Node | None":
    if language not in syntax.LANGUAGES or len(data) > MAX_BYTES:
        return None
    return syntax.new_parser(language).parse(data).root_node


def _imports(root: "Node") -> Iterator[Outlined]:
    for node in root.children:
        if node.type in _IMPORTS:
            statement = " ".join(_text(node).split())
            yield Outlined(
                name=_module(node),
                qualified_name=statement,
                kind="import",
                start_line=node.start_point.row + 1,
                end_line=node.end_point.row + 1,
                start_byte=node.start_byte,
                end_byte=node.end_byte,
                signature=statement,
                doc="",
            )


def _module(node: "Node") -> str:
    found = next((child for child in node.named_children if child.type in _MODULES), None)
    return _text(found).strip("'\"`") if found is not None else ""


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")
