"""The files as they are while an answer's edits are applied, one after the other, over an untouched base."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from moot.agent.core.errors import EditRejected
from moot.agent.core.types import FileChange, TreeEntry
from moot.agent.edits.paths import check_collisions, check_path, nearest
from moot.agent.edits.symbols import Outline
from moot.agent.edits.text import Document, read_document
from moot.agent.screen import why_not_file

__all__ = ["Base", "File", "Tree"]

_MODES = ("100644", "100755")
_KINDS = {"120000": "a symbolic link", "160000": "a submodule"}


@dataclass(frozen=True, slots=True)
class Base:
    """What edits are made against.

    Attributes:
        entries: every file of the base commit, by path.
        read: blob id -> bytes.
        outline: (path, text in UTF-8) -> definitions, and imports with the kind `import`.
        syntax_errors: (path, text in UTF-8) -> lines with syntax errors; none without a grammar.
    """

    entries: Mapping[str, TreeEntry]
    read: Callable[[str], bytes]
    outline: Outline
    syntax_errors: Callable[[str, bytes], Iterable[int]]


@dataclass(frozen=True, slots=True)
class File:
    """A file as the edits so far left it; `origin` is its path in the base, before any renaming."""

    data: bytes
    mode: str
    origin: str | None


class Tree:
    """An overlay: the base is only read."""

    def __init__(self, base: Base) -> None:
        self._base = base
        self._files: dict[str, File | None] = {}
        self._hidden: dict[str, str | None] = {}  # files of the base that were screened

    def path(self, path: str) -> str:
        """Check a path that an edit names and return its plain form."""
        path = check_path(path)
        parts = path.split("/")
        for count in range(1, len(parts) + 1):
            entry = self._base.entries.get("/".join(parts[:count]))
            if entry is not None and entry.mode not in _MODES:
                kind = _KINDS.get(entry.mode, "no plain file")
                raise EditRejected(
                    f"{entry.path} is {kind} and may not be edited: edit the file that it stands for"
                )
        return path

    def get(self, path: str) -> File | None:
        """Return a file as it is now; None when there is none."""
        if path in self._files:
            return self._files[path]
        entry = self._base.entries.get(path)
        return File(self._base.read(entry.blob), entry.mode, path) if entry else None

    def existing(self, path: str, hint: str = "") -> File:
        """Return a file that must be there; `hint` says what to do when it is not."""
        file = self.get(path)
        if file is None:
            gone = (
                "was deleted or renamed by an earlier edit of this answer"
                if path in self._files
                else "does not exist"
            )
            raise EditRejected(f"{path} {gone}{hint}{nearest(path, self._base.entries)}")
        return file

    def document(self, path: str) -> Document:
        """Return the text of a file that must be there."""
        file = self.existing(path)
        return replace(read_document(path, file.data), hidden=self._why_hidden(file.origin))

    def original(self, file: File) -> Document | None:
        """Return the text that a file has in the base; None when it is not there."""
        if file.origin is None:
            return None
        document = read_document(file.origin, self._read(file.origin))
        return replace(document, hidden=self._why_hidden(file.origin))

    def write(self, path: str, document: Document) -> None:
        """Give a file its new text."""
        old = self.get(path) or File(b"", "100644", None)
        self._files[path] = replace(old, data=document.data(path))

    def write_data(self, path: str, data: bytes) -> None:
        """Give an existing file its new bytes."""
        self._files[path] = replace(self.existing(path), data=data)

    def set_mode(self, path: str, mode: str) -> None:
        """Make a file a program, or no longer one."""
        if mode not in _MODES:
            raise EditRejected(f"the mode of {path} must be 100644, or 100755 for a program, not {mode}")
        self._files[path] = replace(self.existing(path), mode=mode)

    def delete(self, path: str) -> None:
        """Take a file away."""
        if self.get(path) is None:
            raise EditRejected(
                f"{path} does not exist, so it cannot be deleted{nearest(path, self._base.entries)}"
            )
        self._files[path] = None

    def rename(self, path: str, to: str) -> None:
        """Move a file to a path where none is."""
        file = self.existing(path)
        if path != to and self.get(to) is not None:
            raise EditRejected(f"{path} cannot be renamed to {to}: that file exists; delete it first")
        self._files[path] = None
        self._files[to] = file

    def changes(self) -> list[tuple[FileChange, File | None]]:
        """Return what differs from the base, each with its file now, in order of paths.

        Raises:
            EditRejected: two paths collide.
        """
        entries = self._base.entries
        new = [path for path, file in self._files.items() if file is not None and path not in entries]
        kept = (path for path in entries if self._files.get(path, True) is not None)
        check_collisions(new, [*kept, *new] if new else ())
        found = ((self._change(path, file), file) for path, file in sorted(self._files.items()))
        return [(change, file) for change, file in found if change is not None]

    def _why_hidden(self, origin: str | None) -> str | None:
        """Return why the screen keeps a file of the base from the model; what an answer wrote it knows."""
        if origin is None:
            return None
        if origin not in self._hidden:
            self._hidden[origin] = why_not_file(origin, self._read(origin))
        return self._hidden[origin]

    def _read(self, path: str) -> bytes:
        return self._base.read(self._base.entries[path].blob)

    def _change(self, path: str, file: File | None) -> FileChange | None:
        entry = self._base.entries.get(path)
        if file is None:
            return FileChange(path, entry.blob, None, entry.mode) if entry else None
        if entry is not None and entry.mode == file.mode and self._base.read(entry.blob) == file.data:
            return None
        return FileChange(path, entry.blob if entry else None, file.data, file.mode)
