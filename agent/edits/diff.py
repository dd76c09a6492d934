"""Unified diffs, git's or plain, and the `*** Begin Patch` form -> edits.

Models get the counts of hunk headers wrong and forget the space before context lines. The libraries were
tried on such diffs: unidiff 0.7 refuses them, whatthepatch 1.0 drops lines without a word. So hunks are
read here, to their real end, and their counts are ignored.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from moot.agent.core.errors import EditRejected
from moot.agent.edits.forms import DeleteFile, Edit, FileDiff, Hunk, RenameFile, SetMode

__all__ = ["parse_diff", "read_diff"]

_GIT = re.compile(r"diff --git (?:a/)?(?P<old>\S.*?) (?:b/)?(?P<new>\S.*)$")
_SAME = re.compile(r'diff --git "?a/(?P<path>.+)"? "?b/(?P=path)"?$')
_PATCH = re.compile(r"\*\*\* (?P<what>Update|Add|Delete) File: *(?P<path>\S.*)$")
_PATCH_END = re.compile(r"\*\*\* (?:Begin Patch|End Patch|(?:Update|Add|Delete) File:)")
_MOVE = re.compile(r"\*\*\* Move to: *(?P<path>\S.*)$")
_HUNK = re.compile(r"@@+(?: *-(?P<start>\d+)(?:,\d+)? +\+\d+(?:,\d+)? *@@+)?(?P<heading>.*)$")
_HEADER = re.compile(
    r"(?P<key>old mode|new mode|new file mode|deleted file mode|rename from|rename to|copy from"
    r"|copy to|similarity index|dissimilarity index|index|Binary files|GIT binary patch)(?: (?P<value>.*))?$"
)
_MARKED = re.compile(r" |[+-](?! \S)")
"""A line of a hunk, and no bullet of a list below a fence."""

_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}
_NOTHING = "/dev/null"


@dataclass(slots=True)
class _Section:
    """What the headers of one file say."""

    old: str = ""
    new: str = ""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    hunks: list[Hunk] = field(default_factory=list[Hunk])


def parse_diff(text: str) -> list[Edit]:
    """Read a text that is one diff.

    Raises:
        EditRejected: there is no diff in it, or one cannot be expressed.
    """
    lines, at, edits = text.replace("\r\n", "\n").split("\n"), 0, list[Edit]()
    while at < len(lines):
        found = read_diff(lines, at)
        edits += found[0] if found else []
        at = found[1] if found else at + 1
    if not edits:
        raise EditRejected("the diff names no file: begin it with `--- a/path` and `+++ b/path`")
    return edits


def read_diff(lines: Sequence[str], at: int) -> tuple[list[Edit], int] | None:
    """Return the edits of the file section that begins at a line, and where it ends; None if none does.

    Raises:
        EditRejected: the section cannot be expressed as edits of text.
    """
    if found := _PATCH.match(lines[at]):
        return _patch_section(lines, at + 1, found["what"], found["path"].strip())
    if lines[at].startswith("diff --git "):
        section, at = _git_headers(lines, at)
    elif _is_header(lines, at):
        section = _Section()
    else:
        return None
    if _is_header(lines, at):
        section.old, section.new = _name(lines[at]), _name(lines[at + 1])
        at += 2
    section.hunks, at = _hunks(lines, at)
    return list(_edits(section)), at


def _is_header(lines: Sequence[str], at: int) -> bool:
    return at + 1 < len(lines) and lines[at].startswith("--- ") and lines[at + 1].startswith("+++ ")


def _git_headers(lines: Sequence[str], at: int) -> tuple[_Section, int]:
    first, section = lines[at], _Section()
    if same := _SAME.match(first):
        section.old = section.new = same["path"].strip('"')
    elif names := _GIT.match(first):
        section.old, section.new = names["old"], names["new"]
    at += 1
    while at < len(lines) and (found := _HEADER.match(lines[at])):
        section.keys[found["key"]] = (found["value"] or "").strip()
        at += 1
    return section, at


def _name(header: str) -> str:
    """Return the path of a `---` or `+++` line, without the time that diff writes after a tab."""
    return _unquote(header[4:].split("\t")[0].strip())


def _unquote(path: str) -> str:
    """Undo git's quoting of paths that are not plain ASCII."""
    if len(path) < 2 or path[0] != '"' or path[-1] != '"':
        return path
    raw = _ESCAPE.sub(lambda m: _escaped(m[1]), path[1:-1].encode("utf-8", "surrogatepass"))
    return raw.decode("utf-8", "replace")


def _escaped(code: bytes) -> bytes:
    return bytes([int(code, 8) & 0xFF]) if len(code) == 3 else _ESCAPES.get(code, code)


def _edits(section: _Section) -> Iterator[Edit]:
    keys = section.keys
    if keys.keys() & {"copy from", "Binary files", "GIT binary patch"}:
        raise EditRejected("a diff may not copy files or change binary ones: write a new file as text")
    path = _path(section)
    if keys.get("rename from") and keys.get("rename to"):
        path = _unquote(keys["rename to"])
        yield RenameFile(_unquote(keys["rename from"]), path)
    change = _change(section)
    if section.hunks or change != "edit":
        yield FileDiff(path, tuple(section.hunks), change)
    mode = keys.get("new mode") or keys.get("new file mode")
    if mode and (change != "create" or mode != "100644"):
        yield SetMode(path, mode)


def _change(section: _Section) -> Literal["edit", "create", "delete"]:
    if section.old == _NOTHING or "new file mode" in section.keys:
        return "create"
    return "delete" if section.new == _NOTHING or "deleted file mode" in section.keys else "edit"


def _path(section: _Section) -> str:
    """Return the path that a section edits; git's prefixes go when both sides have theirs."""
    old, new = section.old, section.new
    if old in ("", _NOTHING) and new in ("", _NOTHING):
        raise EditRejected("the diff names no file: begin it with `--- a/path` and `+++ b/path`")
    if (old.startswith("a/") or old == _NOTHING) and (new.startswith("b/") or new == _NOTHING):
        old, new = old.removeprefix("a/"), new.removeprefix("b/")
    apart = old not in (new, f"{new}.orig") and _NOTHING not in (old, new)
    if apart and "rename from" not in section.keys:
        raise EditRejected(f"the diff is from {old} to {new}: to rename, say `rename from`, `rename to`")
    return old if new == _NOTHING else new


def _hunks(lines: Sequence[str], at: int) -> tuple[list[Hunk], int]:
    hunks: list[Hunk] = []
    start, heading = None, ""
    while at < len(lines):
        if found := _HUNK.match(lines[at]):
            start = int(found["start"][:9]) if found["start"] else None
            heading = found["heading"].strip(" .@")
            at += 1
        hunk, end = _hunk(lines, at, start, heading)
        if any(mark in "+-" for mark, _ in hunk.lines):
            hunks.append(hunk)
        if end >= len(lines) or not lines[end].startswith("@@"):
            return hunks, end if hunks else at
        at = end
    return hunks, at


def _hunk(lines: Sequence[str], at: int, start: int | None, heading: str) -> tuple[Hunk, int]:
    """Read a hunk's lines to where the next part begins; prose after the last of them is dropped."""
    marked: list[tuple[str, str]] = []
    final: bool | None = None
    while at < len(lines) and not _ends_hunk(lines, at):
        line = lines[at]
        if line.startswith("\\"):
            final = _final_newline(marked, final)
        elif line != "*** End of File":
            marked.append(
                (line[0], line[1:]) if line[:1] in ("+", "-", " ") else ("?" if line else " ", line)
            )
        at += 1
    if _goes_on(lines, at):
        raise EditRejected("a hunk breaks off at a line of ```: begin unchanged lines with a space")
    while marked and (marked[-1][0] == "?" or marked[-1] == (" ", "")):
        marked.pop()
    return Hunk(tuple(marked), start, heading, final), at


def _goes_on(lines: Sequence[str], at: int) -> bool:
    """Tell whether a fence ends no diff, but is a line of the file that lacks its space."""
    fence = at + 1 < len(lines) and lines[at].startswith("```") and not _is_header(lines, at + 1)
    return fence and _MARKED.match(lines[at + 1]) is not None


def _final_newline(marked: Sequence[tuple[str, str]], known: bool | None) -> bool | None:
    """`\\ No newline at end of file`: after a new line the text loses its newline, after an old it gains."""
    mark = marked[-1][0] if marked else " "
    return {"+": False, "-": True}.get(mark, known)


def _ends_hunk(lines: Sequence[str], at: int) -> bool:
    line = lines[at]
    return (
        line.startswith(("@@", "diff --git ", "```", "<<<<<<<"))
        or _PATCH_END.match(line) is not None
        or _is_header(lines, at)
    )


def _patch_section(lines: Sequence[str], at: int, what: str, path: str) -> tuple[list[Edit], int]:
    """Read a section of the `*** Begin Patch` form."""
    if what == "Delete":
        return [DeleteFile(path)], at
    edits: list[Edit] = []
    if at < len(lines) and (found := _MOVE.match(lines[at])):
        edits.append(RenameFile(path, found["path"].strip()))
        path, at = found["path"].strip(), at + 1
    hunks, at = _hunks(lines, at)
    if what == "Add" or hunks:
        edits.append(FileDiff(path, tuple(hunks), "create" if what == "Add" else "edit"))
    return edits, at
