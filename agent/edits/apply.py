"""Edits + base files -> one Patch, or a reason that the model can act on. Nothing is fuzzy."""

import re
from collections.abc import Sequence

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import Patch
from moot.agent.edits.forms import (
    AddImports,
    DeleteFile,
    Edit,
    FileDiff,
    RenameFile,
    ReplaceSpan,
    SearchReplace,
    SetMode,
    SymbolEdit,
    WholeFile,
)
from moot.agent.edits.hunks import apply_hunks, created
from moot.agent.edits.imports import add_imports
from moot.agent.edits.match import rewrite
from moot.agent.edits.search import search_replace
from moot.agent.edits.symbols import edit_symbol
from moot.agent.edits.text import Document, new_document, read_document
from moot.agent.edits.tree import Base, File, Tree

__all__ = ["MAX_FILE_BYTES", "Base", "build_patch"]

MAX_FILE_BYTES = 2_000_000
"""Bytes that an edited file may have, before and after."""

_MAX_EDITS = 1_000

# Dialects of SQL differ so much that a new file of one says little by its syntax errors.
_UNCHECKED_WHEN_NEW = (".sql",)

# What models write in place of code that they leave out.
_ELISION = re.compile(
    r"\s*(?:#|//|--|/\*|<!--)\s*(?:\.{3}|…)?\s*\(?(?:the )?"
    r"(?:(?:rest|remainder) of (?:the )?(?:code|file|class|function|methods?|implementation)\b.*"
    r"|(?:existing|remaining|other) (?:code|methods?|functions?|imports)\b(?: .{0,40})?"
    r"|(?:\.{3}|…))\s*\)?\s*(?:\.{3}|…)?\s*(?:\*/|-->)?\s*",
    re.IGNORECASE,
)


def build_patch(edits: Sequence[Edit], base: Base) -> Patch:
    """Apply edits in order and return all of them as one patch.

    Raises:
        EditRejected: any edit does not fit; the message says which, and shows the closest real lines.
    """
    if len(edits) > _MAX_EDITS:
        raise EditRejected(f"the answer holds {len(edits)} edits: write at most {_MAX_EDITS}")
    tree = Tree(base)
    for edit in _joined(edits):
        path = tree.path(edit.path)
        old = tree.get(path)
        if old is not None and len(old.data) > MAX_FILE_BYTES:
            raise EditRejected(
                f"{path} has {len(old.data)} bytes; files over {MAX_FILE_BYTES} are not edited"
            )
        _apply(edit, path, old, tree, base)
    changes = tree.changes()
    if not changes:
        raise EditRejected("the edit changes nothing: the new text equals the old")
    for change, file in changes:
        if file is not None:
            _check_content(change.path, file, tree, base)
    return Patch(tuple(change for change, _ in changes))


def _joined(edits: Sequence[Edit]) -> list[Edit]:
    """Join diffs of the same file that follow each other, so that all hunks meet the same text."""
    joined: list[Edit] = []
    for edit in edits:
        last = joined[-1] if joined else None
        match (last, edit):
            case (FileDiff(path=one, change="edit"), FileDiff(path=other, change="edit")) if one == other:
                joined[-1] = FileDiff(one, last.hunks + edit.hunks)
            case _:
                joined.append(edit)
    return joined


def _apply(edit: Edit, path: str, old: File | None, tree: Tree, base: Base) -> None:
    match edit:
        case SearchReplace():
            _search_replace(edit, path, old, tree)
        case SymbolEdit():
            tree.write(path, edit_symbol(edit, path, tree.document(path), base.outline))
        case AddImports():
            tree.write(path, add_imports(edit, path, tree.document(path), base.outline))
        case WholeFile():
            new = _whole(edit.text, path, old)
            if edit.echo and old is not None:
                _check_echo(path, read_document(path, old.data), new, base)
            tree.write(path, new)
        case DeleteFile():
            tree.delete(path)
        case RenameFile():
            tree.rename(path, tree.path(edit.to))
        case SetMode():
            tree.set_mode(path, edit.mode)
        case FileDiff():
            _diff(edit, path, old, tree)
        case ReplaceSpan():
            tree.write_data(path, _replace_span(edit, path, old, base))


def _search_replace(edit: SearchReplace, path: str, old: File | None, tree: Tree) -> None:
    if not edit.search.strip():
        if old is not None and old.data.strip():
            raise EditRejected(f"{path} exists: an empty SEARCH only creates new files")
        tree.write(path, _whole(edit.replace, path, old))
    elif old is None:
        tree.existing(path, "; to create it, leave SEARCH empty")
    else:
        tree.write(path, search_replace(edit, path, tree.document(path)))


def _whole(text: str, path: str, old: File | None) -> Document:
    """Take over the encoding, the line ends and the final newline of the file that was there."""
    if old is None or not old.data:
        return new_document(text).finished(True)
    document = read_document(path, old.data)
    if document.bom:  # models see it in the prompt, and may repeat it
        text = text.removeprefix("\ufeff")
    return document.splice(0, len(document.lines), rewrite(document.lines, new_document(text).lines))


def _check_echo(path: str, old: Document, new: Document, base: Base) -> None:
    before, after = (
        {symbol.qualified_name for symbol in base.outline(path, text.joined()) if symbol.kind != "import"}
        for text in (old, new)
    )
    if lost := sorted(before - after):
        raise EditRejected(
            f"the text of {path} lacks {', '.join(lost[:5])}: answer in the form that was shown"
        )


def _diff(diff: FileDiff, path: str, old: File | None, tree: Tree) -> None:
    if diff.change == "create" or (old is None and _is_all_new(diff)):
        if old is not None and old.data:
            raise EditRejected(f"{path} exists: a diff from /dev/null only creates new files")
        tree.write(path, created(diff, path))
        return
    document = apply_hunks(diff, path, tree.document(path)) if diff.hunks else None
    if diff.change == "delete":
        tree.delete(path)
    elif document is not None:
        tree.write(path, document)


def _is_all_new(diff: FileDiff) -> bool:
    """Tell whether a diff speaks of a file without any line."""
    added = all(mark == "+" for hunk in diff.hunks for mark, _ in hunk.lines)
    return added and bool(diff.hunks) and not any(hunk.start for hunk in diff.hunks)


def _replace_span(edit: ReplaceSpan, path: str, old: File | None, base: Base) -> bytes:
    entry = base.entries.get(path)
    if old is None or entry is None or entry.blob != edit.blob or old.data != base.read(entry.blob):
        raise EditRejected(f"{path} is not the file that this edit was made against")
    if not 0 <= edit.start <= edit.end <= len(old.data):
        raise EditRejected(f"{path} is not the file that this edit was made against")
    document = read_document(path, old.data)
    text = edit.text.replace("\r\n", "\n").replace("\n", document.usual_end)
    return old.data[: edit.start] + document.encode(text, path) + old.data[edit.end :]


def _check_content(path: str, file: File, tree: Tree, base: Base) -> None:
    if len(file.data) > MAX_FILE_BYTES:
        raise EditRejected(f"{path} would have {len(file.data)} bytes; the limit is {MAX_FILE_BYTES}")
    new = read_document(path, file.data)
    old = tree.original(file)
    _check_elisions(path, new, old)
    _check_syntax(path, new, (file.origin, old), base)


def _check_elisions(path: str, new: Document, old: Document | None) -> None:
    known = set(old.lines) if old else set[str]()
    for line in new.lines:
        if line not in known and _ELISION.fullmatch(line):
            raise EditRejected(
                f"{path} would lose code: {line.strip()!r} stands for lines that must be written out"
            )


def _check_syntax(path: str, new: Document, old: tuple[str | None, Document | None], base: Base) -> None:
    origin, before = old
    if before is None and path.lower().endswith(_UNCHECKED_WHEN_NEW):
        return
    errors = list(base.syntax_errors(path, new.joined()))
    known = list(base.syntax_errors(origin, before.joined())) if origin and before else []
    if len(errors) > len(known):
        at = next((line for line in errors if line not in known), errors[0])
        shown = at <= len(new.lines) and not (before and before.hidden)
        text = f": {new.lines[at - 1].strip()[:200]}" if shown else ""
        raise EditRejected(
            f"{path} would no longer parse: {len(errors)} syntax errors, one near line {at}{text}"
        )
