"""The edits that a model may express. Line ends in their texts are newlines; paths are as written."""

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "AddImports",
    "DeleteFile",
    "Edit",
    "FileDiff",
    "Hunk",
    "RenameFile",
    "ReplaceSpan",
    "SearchReplace",
    "SetMode",
    "SymbolAction",
    "SymbolEdit",
    "WholeFile",
]

SymbolAction = Literal["replace", "after", "before", "delete"]


@dataclass(frozen=True, slots=True)
class SearchReplace:
    """Replace text that occurs exactly once; an empty `search` creates the file."""

    path: str
    search: str
    replace: str


@dataclass(frozen=True, slots=True)
class SymbolEdit:
    """Replace or delete a definition, or put new ones beside it; it is found by its qualified name."""

    path: str
    symbol: str
    text: str
    action: SymbolAction = "replace"


@dataclass(frozen=True, slots=True)
class AddImports:
    """Add import statements below those that are there; one that is there already is left out."""

    path: str
    text: str


@dataclass(frozen=True, slots=True)
class WholeFile:
    """Give a file's whole text; an `echo` of the form in which files are shown may not lose definitions."""

    path: str
    text: str
    echo: bool = False


@dataclass(frozen=True, slots=True)
class DeleteFile:
    """Delete a file."""

    path: str


@dataclass(frozen=True, slots=True)
class RenameFile:
    """Move a file; later edits of the same answer name it by its new path."""

    path: str
    to: str


@dataclass(frozen=True, slots=True)
class SetMode:
    """Set a file's git mode: `100644`, or `100755` for a program."""

    path: str
    mode: str


@dataclass(frozen=True, slots=True)
class Hunk:
    """One hunk of a unified diff.

    Attributes:
        lines: (mark, text); the marks are those of a diff, and `?` for a line that has none.
        start: the first old line as stated, from 1; a hint that is often wrong.
        heading: the line that the hunk says it stands under.
        final_newline: whether the new text ends with a newline; None when the hunk does not say.
    """

    lines: tuple[tuple[str, str], ...]
    start: int | None = None
    heading: str = ""
    final_newline: bool | None = None


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A unified diff of one file."""

    path: str
    hunks: tuple[Hunk, ...]
    change: Literal["edit", "create", "delete"] = "edit"


@dataclass(frozen=True, slots=True)
class ReplaceSpan:
    """Replace the bytes [start, end) of a known blob: what fill-in-the-middle produces."""

    path: str
    blob: str
    start: int
    end: int
    text: str


Edit = (
    SearchReplace
    | SymbolEdit
    | AddImports
    | WholeFile
    | DeleteFile
    | RenameFile
    | SetMode
    | FileDiff
    | ReplaceSpan
)
