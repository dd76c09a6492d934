"""Reads files of a folder that code under test may have changed: no link is followed, nothing waits."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path, PurePosixPath

__all__ = ["Tree"]

_LIMIT = 64 * 2**20
"""Bytes of a file that are read."""


class Tree:
    """A folder on disk, held open so that it cannot be swapped for another."""

    def __init__(self, handle: int) -> None:
        """Bind to an open folder, which the caller closes."""
        self._handle = handle

    @staticmethod
    def open(top: Path, stack: ExitStack) -> "Tree":
        """Open a folder until `stack` ends.

        Raises:
            OSError: it is no folder.
        """
        handle = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        stack.callback(os.close, handle)
        return Tree(handle)

    def read(self, path: str) -> bytes:
        """Return a regular file's bytes; nothing when there is none, or a link is on the way to it."""
        with ExitStack() as stack:
            folder = self._folder(PurePosixPath(path).parent, stack)
            if folder is None:
                return b""
            try:
                flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
                handle = os.open(PurePosixPath(path).name, flags, dir_fd=folder)
            except (OSError, ValueError):
                return b""
            stack.callback(os.close, handle)
            if not stat.S_ISREG(os.fstat(handle).st_mode):  # before `fdopen`, which raises for a folder
                return b""
            with os.fdopen(handle, "rb", closefd=False) as stream:
                return stream.read(_LIMIT)

    def write(self, path: str, data: bytes) -> None:
        """Create a file in a folder that exists; nothing is replaced and no link is followed.

        Raises:
            FileNotFoundError: a folder on the way is missing, or is a link.
        """
        with ExitStack() as stack:
            folder = self._folder(PurePosixPath(path).parent, stack)
            if folder is None:
                raise FileNotFoundError(path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(PurePosixPath(path).name, flags, 0o755, dir_fd=folder), "wb") as stream:
                stream.write(data)

    def holds(self, path: str) -> bool:
        """Whether there is anything of this path."""
        return PurePosixPath(path).name in self.names(str(PurePosixPath(path).parent))

    def names(self, path: str = ".") -> list[str]:
        """Return what a folder holds, sorted; nothing when there is none, or a link is on the way."""
        with ExitStack() as stack:
            folder = self._folder(PurePosixPath(path), stack)
            return sorted(os.listdir(folder)) if folder is not None else []  # noqa: PTH208

    def _folder(self, path: PurePosixPath, stack: ExitStack) -> int | None:
        handle = self._handle
        for part in path.parts:
            if part in ("/", ".."):
                return None
            try:
                flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
                handle = os.open(part, flags, dir_fd=handle)
            except (OSError, ValueError):
                return None
            stack.callback(os.close, handle)
        return handle
