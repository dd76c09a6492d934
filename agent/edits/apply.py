"""Edits + base files -> one Patch, or a reason that the model can act on. Nothing is fuzzy."""

import difflib
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import FileChange, Patch, Symbol, TreeEntry
from moot.agent.edits.answer import Edit, ReplaceSpan, ReplaceSymbol, SearchReplace, WholeFile

__all__ = ["MAX_FILE_BYTES", "Base", "build_patch"]

MAX_FILE_BYTES = 2_000_000
"""Bytes that an edited file may have."""

_CONTEXT = 3
"""Lines shown around the closest match of a failed search."""


@dataclass(frozen=True, slots=True)
class Base:
    """What edits are made against.

    Attributes:
        entries: every file of the base commit, by path.
        read: blob id -> bytes.
        find_symbol: (path, qualified name) -> the definitions that match.
        count_errors: (path, content) -> syntax error nodes; 0 for languages without a grammar.
    """

    entries: Mapping[str, TreeEntry]
    read: Callable[[str], bytes]
    find_symbol: Callable[[str, str], Sequence[Symbol]]
    count_errors: Callable[[str, bytes], int]


def build_patch(edits: Sequence[Edit], base: Base) -> Patch:
    """Apply edits in order and return all of them as one patch.

    Raises:
        EditRejected: any edit does not fit; the message says which, and shows the closest real lines.
    """
    contents: dict[str, bytes | None] = {}
    for edit in edits:
        path = _check_path(edit.path, base)
        contents[path] = _apply(edit, path, contents, base)
    changes = [_change(path, content, base) for path, content in sorted(contents.items())]
    real = tuple(change for change in changes if change is not None)
    if not real:
        raise EditRejected("the edit changes nothing: the new text equals the old")
    return Patch(real)


def _check_path(path: str, base: Base) -> str:
    """Refuse what must never be written, with a reason."""
    clean = posixpath.normpath(path.strip())
    parts = clean.split("/")
    if not path.strip() or clean.startswith("/") or ".." in parts or "\\" in path or "\0" in path:
        raise EditRejected(f"{path!r} is not a path inside the repository")
    if any(part.lower() in (".git", ".gitmodules") for part in parts):
        raise EditRejected(f"{path} belongs to git and may not be edited")
    entry = base.entries.get(clean)
    if entry is not None and entry.mode not in ("100644", "100755"):
        raise EditRejected(f"{clean} is a symbolic link or a submodule and may not be edited")
    if entry is None:
        _check_new_path(clean, base)
    return clean


def _check_new_path(path: str, base: Base) -> None:
    folded = path.casefold()
    for known in base.entries:
        if known.casefold() == folded:
            raise EditRejected(f"{path} differs from the existing {known} only by case: use {known}")
        if known.startswith(f"{path}/") or path.startswith(f"{known}/"):
            raise EditRejected(f"{path} collides with the existing {known}")


def _apply(edit: Edit, path: str, contents: Mapping[str, bytes | None], base: Base) -> bytes | None:
    old = contents[path] if path in contents else _original(path, base)
    match edit:
        case WholeFile(text=None):
            if old is None:
                raise EditRejected(f"{path} does not exist, so it cannot be deleted")
            return None
        case WholeFile(text=text):
            return _encode(text or "", old)
        case SearchReplace(search=search, replace=replace):
            return _search_replace(path, old, search, replace)
        case ReplaceSymbol(symbol=symbol, text=text):
            if path in contents:
                raise EditRejected(f"{path} has another edit: replace its symbols in one answer each")
            return _replace_symbol(path, old, symbol, text, base)
        case ReplaceSpan():
            return _replace_span(edit, old, base)


def _original(path: str, base: Base) -> bytes | None:
    entry = base.entries.get(path)
    return base.read(entry.blob) if entry else None


def _encode(text: str, old: bytes | None) -> bytes:
    """Keep the old file's line endings."""
    if not text.isascii() and any("\ud800" <= char <= "\udfff" for char in text):
        raise EditRejected("the new text is not UTF-8: it holds a lone surrogate")
    if old is not None and b"\r\n" in old:
        text = text.replace("\r\n", "\n").replace("\n", "\r\n")
    return text.encode("utf-8")


def _search_replace(path: str, old: bytes | None, search: str, replace: str) -> bytes:
    if not search.strip():
        if old is not None and old.strip():
            raise EditRejected(f"{path} exists: an empty SEARCH only creates new files")
        return _encode(replace, old)
    if old is None:
        raise EditRejected(f"{path} does not exist; to create it, leave SEARCH empty")
    needle, new = _encode(search, old), _encode(replace, old)
    found = _occurrences(old, needle)
    if not found and not old.endswith(b"\n") and needle.endswith(b"\n"):
        needle, new = needle.rstrip(b"\r\n"), new.rstrip(b"\r\n")
        found = _occurrences(old, needle)
    if not found:
        raise EditRejected(_no_match(path, old, search))
    if len(found) > 1:
        raise EditRejected(
            f"the SEARCH text occurs {len(found)} times in {path}: add lines to make it unique"
        )
    return old[: found[0]] + new + old[found[0] + len(needle) :]


def _occurrences(text: bytes, needle: bytes) -> list[int]:
    """Return where matches begin; a match starts at the start of a line."""
    return [at for at in _line_starts(text) if text.startswith(needle, at)]


def _line_starts(text: bytes) -> list[int]:
    starts, at = [0], text.find(b"\n")
    while at != -1:
        starts.append(at + 1)
        at = text.find(b"\n", at + 1)
    return starts


def _no_match(path: str, old: bytes, search: str) -> str:
    """Show the real lines that resemble the search text most."""
    lines = old.decode("utf-8", "replace").splitlines()
    wanted = search.splitlines()
    stripped = [line.strip() for line in lines]
    blocks = difflib.SequenceMatcher(None, stripped, [line.strip() for line in wanted], autojunk=False)
    match = blocks.find_longest_match()
    start = match.a - match.b if match.size else _closest_line(stripped, wanted)
    first, last = max(0, start - _CONTEXT), min(len(lines), start + len(wanted) + _CONTEXT)
    shown = "\n".join(lines[first:last])
    return f"the SEARCH text is not in {path}. The closest lines are {first + 1}-{last}:\n{shown}"


def _closest_line(lines: Sequence[str], wanted: Sequence[str]) -> int:
    for text in wanted:
        if close := difflib.get_close_matches(text.strip(), lines, n=1, cutoff=0.5):
            return lines.index(close[0])
    return 0


def _replace_symbol(path: str, old: bytes | None, name: str, text: str, base: Base) -> bytes:
    if old is None:
        raise EditRejected(f"{path} does not exist")
    found = list(base.find_symbol(path, name))
    if not found:
        raise EditRejected(f"{path} defines no symbol {name}")
    if len(found) > 1:
        lines = ", ".join(str(symbol.start_line) for symbol in found)
        raise EditRejected(f"{name} is defined {len(found)} times in {path} (lines {lines}): use SEARCH")
    start, end = found[0].start_byte, found[0].end_byte
    line_start = old.rfind(b"\n", 0, start) + 1
    new = _reindent(text, old[line_start:start].decode("utf-8", "replace"))
    return old[:line_start] + _encode(new, old) + old[end:]


def _reindent(text: str, indent: str) -> str:
    """Give the new definition the indentation of the one that it replaces."""
    lines = text.strip("\n").split("\n")
    current = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    if current == indent or indent.strip():
        return "\n".join(lines)
    return "\n".join(indent + line.removeprefix(current) if line.strip() else "" for line in lines)


def _replace_span(edit: ReplaceSpan, old: bytes | None, base: Base) -> bytes:
    entry = base.entries.get(edit.path)
    if old is None or entry is None or entry.blob != edit.blob or not 0 <= edit.start <= edit.end <= len(old):
        raise EditRejected(f"{edit.path} is not the file that this edit was made against")
    return old[: edit.start] + edit.text.encode("utf-8") + old[edit.end :]


def _change(path: str, content: bytes | None, base: Base) -> FileChange | None:
    entry = base.entries.get(path)
    old = base.read(entry.blob) if entry else None
    if content == old:
        return None
    if content is not None:
        _check_content(path, content, old, base)
    return FileChange(path, entry.blob if entry else None, content, entry.mode if entry else "100644")


def _check_content(path: str, content: bytes, old: bytes | None, base: Base) -> None:
    if len(content) > MAX_FILE_BYTES:
        raise EditRejected(f"{path} would have {len(content)} bytes; the limit is {MAX_FILE_BYTES}")
    if b"\0" in content or (old is not None and b"\0" in old):
        raise EditRejected(f"{path} is binary and may not be edited as text")
    errors = base.count_errors(path, content)
    if errors > (base.count_errors(path, old) if old is not None else 0):
        raise EditRejected(f"{path} would no longer parse: {errors} syntax errors")
