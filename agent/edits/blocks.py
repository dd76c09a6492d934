"""Blocks between `<<<<<<<` and `>>>>>>>` lines -> edits."""

import re
from collections.abc import Sequence
from html import unescape

from moot.agent.core.errors import EditRejected
from moot.agent.edits.forms import (
    AddImports,
    DeleteFile,
    Edit,
    RenameFile,
    SearchReplace,
    SetMode,
    SymbolAction,
    SymbolEdit,
    WholeFile,
)
from moot.agent.syntax import language_of

__all__ = ["begins_edit", "ends_block", "read_block", "read_echo"]

_OPEN = re.compile(
    r"\s{0,3}<{5,9} ?(?P<kind>SEARCH|SYMBOL|AFTER|BEFORE|REMOVE|IMPORT|FILE|DELETE|RENAME|MODE)"
    r"\b(?P<head>.*)$"
)
_CLOSE = re.compile(r"\s{0,3}>{5,9}(?: ?[A-Z]+\b.*)?\s*$")
_DIVIDER = re.compile(r"={5,9}\s*$")
_PATH_LINE = re.compile(
    r"[#*`\s]*(?:[Ff]ile(?:name)?:?\s*)?`{0,3}(?P<path>(?=\S*[./]|\w+file\b)[\w./@+-]*\w)[`*:]*\s*$"
)
"""A path is one word with a dot or a slash, or one like `Makefile`; a sentence is none."""
_NAMED = re.compile(r"`(?P<name>[\w./@+-]+)`")
_OF_TEXT = re.compile(r"\.(?:md|rst|txt|json|toml|ya?ml|cfg|ini|xml|html|css)$")
"""Suffixes that no grammar here reads: any other behind a dot may be an attribute's name."""

_ECHO = re.compile(r"<file path=(?P<quote>[\"'])(?P<path>[^\"'<>]+)(?P=quote)>\s*$")
_ELEMENT = re.compile(r"\s*<file(?:\s[^>]*)?(?<!/)>(?!.*</file>)")
_BEGINS = re.compile(r"\s{0,3}<{5,9} ?[A-Z]|diff --git |--- \S|\*\*\* [A-Z]")
_ENDS_ECHO = re.compile(rf"<file path=|{_CLOSE.pattern}|{_BEGINS.pattern}")
_ACTIONS: dict[str, SymbolAction] = {
    "SYMBOL": "replace",
    "AFTER": "after",
    "BEFORE": "before",
    "REMOVE": "delete",
}
_SINGLE_LINE = ("REMOVE", "DELETE", "RENAME", "MODE")
"""Kinds without a body: a forgotten end line loses nothing."""

_IN_PLACE = ("SEARCH", "IMPORT")
"""Kinds that may be about the file of the block before: one that takes a whole file away names it."""


def read_block(lines: Sequence[str], at: int, last_path: str) -> tuple[Edit, int] | None:
    """Return the edit of the block that begins at a line, and where it ends; None if none does.

    Args:
        lines: of the whole answer.
        at: index of the line.
        last_path: path of the block before, for a SEARCH or IMPORT block that names none.

    Raises:
        EditRejected: the block is incomplete.
    """
    opened = _OPEN.match(lines[at])
    if opened is None:
        return None
    kind, head = opened["kind"], opened["head"].strip().strip("`")
    end = next((n for n in range(at + 1, len(lines)) if _ends(lines[n])), None)
    if end is None or _OPEN.match(lines[end]):
        if kind not in _SINGLE_LINE:
            raise EditRejected(
                f"the {kind} block for {head[:80] or 'a file'} has no end: close it with >>>>>>>"
            )
        end = at
    body = list(lines[at + 1 : end])
    above = _path_above(lines, at, last_path if kind in _IN_PLACE else "")
    return _edit(kind, head, body, above), end + 1


def read_echo(lines: Sequence[str], at: int, before: Sequence[Edit]) -> tuple[Edit, int] | None:
    """Return a whole file in the form in which prompts show files, which small models answer in.

    One without an end is passed over where the answer has edited the file already: small models go on
    from their last edit with what the prompt showed.

    Raises:
        EditRejected: it has no end.
    """
    opened = _ECHO.match(lines[at])
    if opened is None:
        return None
    path, end = unescape(opened["path"]), _echo_end(lines, at)
    if end is None and any(edit.path == path for edit in before):
        return None
    if end is None:
        raise EditRejected(f"the text of {path[:80]} has no end: close it with </file>")
    text = "".join(f"{line}\n" for line in lines[at + 1 : end])
    return WholeFile(path, text, echo=True), end + 1


def begins_edit(line: str) -> bool:
    """Whether a line looks like the first one of a block, a diff or a patch."""
    return _BEGINS.match(line) is not None


def ends_block(line: str) -> bool:
    """Whether a line looks like the last one of a block."""
    return _CLOSE.match(line) is not None


def _echo_end(lines: Sequence[str], at: int) -> int | None:
    """Return the last closing tag before other edits, as a file's text may hold such tags itself."""
    depth, end = 1, None
    for n in range(at + 1, len(lines)):
        if end is not None and _ENDS_ECHO.match(lines[n]):
            break
        if _ELEMENT.match(lines[n]):
            depth += 1
        elif lines[n].strip() == "</file>":
            depth -= 1
            more = end is None or any(line.strip() for line in lines[end + 1 : n])
            end = n if depth <= 0 and more else end
    return end


def _ends(line: str) -> bool:
    return ends_block(line) or _OPEN.match(line) is not None


def _edit(kind: str, head: str, body: list[str], path_above: str) -> Edit:
    text = "".join(f"{line}\n" for line in body)
    if kind in _ACTIONS:
        path, symbol = _path_and(head)
        if not symbol:
            raise EditRejected(f"a {kind} block names a path and a symbol: <<<<<<< {kind} path name")
        return SymbolEdit(path, symbol, text, _ACTIONS[kind])
    if kind == "RENAME":
        old, _, new = head.partition(" -> ") if " -> " in head else head.partition(" ")
        if not new.strip():
            raise EditRejected("a RENAME block names two paths: <<<<<<< RENAME old/path -> new/path")
        return RenameFile(old.strip(), new.strip())
    if kind == "MODE":
        path, mode = _path_and(head)
        return SetMode(path, mode)
    path = head or path_above
    if not path:
        raise EditRejected(f"a {kind} block needs its file's path: <<<<<<< {kind} path/to/file")
    if kind == "SEARCH":
        return _search(path, body)
    if kind == "DELETE":
        return DeleteFile(path)
    return WholeFile(path, _unfenced(path, text)) if kind == "FILE" else AddImports(path, text)


def _path_and(head: str) -> tuple[str, str]:
    path, _, rest = head.partition(" ")
    if not rest.strip() and "::" in path:
        path, _, rest = path.partition("::")
    return path.strip(), rest.strip()


def _search(path: str, body: Sequence[str]) -> SearchReplace:
    dividers = [at for at, line in enumerate(body) if _DIVIDER.match(line)]
    if len(dividers) != 1:
        raise EditRejected(f"the SEARCH block for {path} needs exactly one ======= line")
    parts = body[: dividers[0]], body[dividers[0] + 1 :]
    search, new = ("".join(f"{line}\n" for line in part) for part in parts)
    return SearchReplace(path, search, new)


def _unfenced(path: str, text: str) -> str:
    """Take the code fence off that models put around a whole file, but not off Markdown's own."""
    lines = text.strip("\n").split("\n")
    if path.endswith(".md") or len(lines) < 2 or not lines[0].startswith("```") or lines[-1] != "```":
        return text
    return "".join(f"{line}\n" for line in lines[1:-1])


def _path_above(lines: Sequence[str], at: int, last_path: str) -> str:
    """Return the path on the line above a block, past a code fence, else that of the block before.

    Empty where the line is a sentence that names something else: it may be about another file.
    """
    for line in reversed(lines[:at]):
        if line.strip() and not line.lstrip().startswith("```"):
            if found := _PATH_LINE.match(line[:300]):
                return found["path"].strip()
            return last_path if ends_block(line) or not _names_other(line, last_path) else ""
    return last_path


def _names_other(line: str, path: str) -> bool:
    """Tell whether a sentence has something in backticks that looks like the path of another file."""
    return any(
        not f"/{path}".endswith(f"/{name}")
        for name in _NAMED.findall(line)
        if "/" in name or language_of(name) or _OF_TEXT.search(name)
    )
