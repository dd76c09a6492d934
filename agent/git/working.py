"""The files of a working tree as they are now: tracked, edited, new and removed ones."""

import hashlib
import os
import stat
import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from moot.agent.core.errors import UsageError
from moot.agent.core.types import TreeEntry
from moot.agent.git.changes import SUBMODULE
from moot.agent.git.checkout import Checkout
from moot.agent.git.files import SYMLINK, Folder
from moot.agent.git.names import check_id, check_path
from moot.agent.git.plumbing import Git, GitFailed

__all__ = ["WorkingFiles"]

_RACY_NS = 2 * 10**9
"""A file that changed within this time before it was read may change again without a new time stamp."""

_SHAPING = (".gitignore", ".gitattributes", ".gitmodules")
"""Files that decide about others."""

_NOT_READ = "0" * 40
"""Blob id of files that are too large to be read."""


@dataclass(frozen=True, slots=True)
class _Staged:
    """A path in the index: not `clean` in a conflict, `skipped` outside a sparse checkout."""

    mode: str
    blob: str
    clean: bool
    skipped: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """A file that was hashed: its status then, and its blob id."""

    status: tuple[int, int, int, int]
    blob: str


class WorkingFiles:
    """Lists and reads a working tree as git would add it, without running what it configures.

    A file that differs from the index has the id that its bytes would get as a blob, so that it is
    already known when it is committed unchanged.
    """

    def __init__(self, checkout: Checkout, private: Git, largest: int) -> None:
        """Bind to a working tree.

        Args:
            checkout: the working tree with its index.
            private: the private git directory, whose configuration names no filters.
            largest: bytes above which a changed or new file is listed but not read.
        """
        self._git, self._trusted = checkout.git, checkout.trusted
        self._private = private
        self._comparer = Git(private.git_dir, checkout.location.root, checkout.location.root)
        self._index = checkout.index_file
        self._algorithm = checkout.location.object_format
        self._folder = Folder(checkout.location.root)
        self._largest = largest
        self._seen: dict[str, _Seen] = {}
        self._entries: dict[str, TreeEntry] = {}  # as they were returned last
        self._places: dict[str, tuple[str, bool]] = {}  # blob -> a path, and whether git has it, too

    def head(self) -> str:
        """Return the commit id of HEAD as it is now."""
        return check_id(self._git.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}"))

    def entries(self) -> list[TreeEntry]:
        """Return every tracked file that is there, and every new one that is not ignored, by path.

        A file outside a sparse checkout is listed as its index entry; an unmerged one as it lies there.
        """
        staged, changed = self._staged(), self._changed()
        found: dict[str, TreeEntry] = {}
        places: dict[str, tuple[str, bool]] = {}
        absent: dict[str, _Staged] = {}
        states = self._folder.states(staged)
        for (path, entry), status in zip(staged.items(), states, strict=True):
            if entry.mode == SUBMODULE:
                found[path] = TreeEntry(path, entry.mode, entry.blob, 0)
            elif status is None:
                if entry.skipped:
                    absent[path] = entry
            elif entry.clean and changed is not None and path not in changed:
                found[path] = TreeEntry(path, entry.mode, entry.blob, status.st_size)
                places[entry.blob] = path, True
            elif hashed := self._hashed(path, status):
                found[path] = hashed
                places.setdefault(hashed.blob, (path, False))
        for path in self._new():
            status = self._folder.state(path) if path not in found else None
            if status is not None and (hashed := self._hashed(path, status)):
                found[path] = hashed
                places.setdefault(hashed.blob, (path, False))
        found |= self._absent(absent)
        self._places = places
        self._entries = found
        self._seen = {path: seen for path, seen in self._seen.items() if path in found}
        return sorted(found.values(), key=lambda entry: entry.path)

    def after(self, changed: Collection[str]) -> list[TreeEntry]:
        """Return the entries after these paths changed, those of files, new or removed ones included.

        As quick as hashing them, where only files changed whose folders were known: else, and where a
        file says what is ignored, the whole tree is listed anew.
        """
        if not self._entries or any(self._reshapes(path) for path in changed):
            return self.entries()
        try:
            ignored = self.ignored(path for path in changed if path not in self._entries)
        except GitFailed:
            return self.entries()
        for path in set(changed) - ignored:
            status = self._folder.state(path)
            hashed = self._hashed(path, status) if status is not None else None
            if hashed is None:
                self._entries.pop(path, None)
            else:
                self._entries[path] = hashed
                self._places.setdefault(hashed.blob, (path, False))
        return sorted(self._entries.values(), key=lambda entry: entry.path)

    def _reshapes(self, path: str) -> bool:
        """Tell whether a change may concern more than one known or new file."""
        name = path.rpartition("/")[2]
        known = self._entries.get(path)
        if name in _SHAPING or not _inside(path):
            return True
        if known is not None:
            return known.mode == SUBMODULE
        status = self._folder.state(path)
        return status is None or not stat.S_ISREG(status.st_mode)

    def read_many(self, blobs: Iterable[str]) -> Iterator[tuple[str, bytes]]:
        """Yield (blob id, bytes) of listed blobs; one whose file changed since is left out.

        Files are read where they lie, which is faster than git's own store; filters and line endings
        make a file differ from its blob, and then git is asked.
        """
        stored: list[str] = []
        for blob in blobs:
            path, committed = self._places.get(blob, (None, True))
            found = self._folder.read(path) if path is not None else None
            if found is not None and self._id(found[1]) == blob:
                yield blob, found[1]
            elif committed:
                stored.append(blob)
            else:
                yield from self._elsewhere(blob)
        yield from self._private.blobs(stored)

    def _elsewhere(self, blob: str) -> Iterator[tuple[str, bytes]]:
        """Yield a blob as another file has it, where the one that it was known from has changed."""
        for path in [path for path, entry in self._entries.items() if entry.blob == blob]:
            found = self._folder.read(path)
            if found is not None and self._id(found[1]) == blob:
                self._places[blob] = (path, False)
                yield blob, found[1]
                return

    def ignored(self, paths: Iterable[str]) -> set[str]:
        """Return those paths that .gitignore and its like exclude.

        Raises:
            GitFailed: one lies beyond a symbolic link or in a submodule.
        """
        stdin = b"".join(b"./" + os.fsencode(path) + b"\0" for path in paths)
        if not stdin:
            return set()
        # check-ignore refuses literal pathspecs; after ./ nothing in a path is magic.
        literal = {"GIT_LITERAL_PATHSPECS": "0"}
        output = self._trusted.run("check-ignore", "-z", "--stdin", stdin=stdin, ok=1, env=literal)
        return {os.fsdecode(path).removeprefix("./") for path in output.split(b"\0") if path}

    def _staged(self) -> dict[str, _Staged]:
        found: dict[str, _Staged] = {}
        for line in self._git.run("ls-files", "-s", "-v", "-z", "--full-name").split(b"\0"):
            head, _, name = line.partition(b"\t")
            path = os.fsdecode(name)
            if line and _inside(path):
                tag, mode, blob, stage = head.decode().split()
                found[path] = _Staged(mode, blob, stage == "0", tag.upper() == "S")
        return found

    def _changed(self) -> set[str] | None:
        """Return the tracked paths that may differ from the index; None when all may.

        Git compares a file by its content when the time stamps do not tell, through the filters that the
        configuration names; so this runs with our git directory's. It cannot read a split index.
        """
        if self._git.line("rev-parse", "--shared-index-path"):
            return None
        options = ("--raw", "-z", "--no-renames", "--ignore-submodules=all", "--no-ext-diff")
        try:
            output = self._comparer.run("diff-files", *options, env={"GIT_INDEX_FILE": str(self._index)})
        except GitFailed:
            return None
        return {os.fsdecode(path) for path in output.split(b"\0")[1::2]}

    def _new(self) -> Iterator[str]:
        output = self._trusted.run("ls-files", "-o", "-z", "--exclude-standard", "--full-name")
        for name in output.split(b"\0"):
            path = os.fsdecode(name)
            if name and not path.endswith("/") and _inside(path):  # a folder is another repository
                yield path

    def _hashed(self, path: str, status: os.stat_result) -> TreeEntry | None:
        if stat.S_ISREG(status.st_mode) and status.st_size > self._largest:
            return TreeEntry(path, "100644", _NOT_READ, status.st_size)
        key = (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_mode)
        seen = self._seen.get(path)
        if seen is not None and seen.status == key:
            return TreeEntry(path, _mode(status), seen.blob, status.st_size)
        found = self._folder.read(path)
        if found is None:
            return None
        mode, content = found
        entry = TreeEntry(path, mode, self._id(content), len(content))
        if time.time_ns() - status.st_ctime_ns > _RACY_NS:
            self._seen[path] = _Seen(key, entry.blob)
        return entry

    def _absent(self, skipped: dict[str, _Staged]) -> dict[str, TreeEntry]:
        if not skipped:
            return {}
        stdin = "".join(f"{entry.blob}\n" for entry in skipped.values()).encode()
        sizes = self._private.run("cat-file", "--batch-check=%(objectsize)", stdin=stdin).split(b"\n")
        return {
            path: TreeEntry(path, entry.mode, entry.blob, int(size))
            for (path, entry), size in zip(skipped.items(), sizes, strict=False)
            if size.isdigit()  # else it is missing, as in a partial clone
        }

    def _id(self, content: bytes) -> str:
        return hashlib.new(self._algorithm, b"blob %d\0" % len(content) + content).hexdigest()


def _inside(path: str) -> bool:
    try:
        check_path(path)
    except UsageError:
        return False
    return True


def _mode(status: os.stat_result) -> str:
    if stat.S_ISLNK(status.st_mode):
        return SYMLINK
    return "100755" if status.st_mode & 0o100 else "100644"
