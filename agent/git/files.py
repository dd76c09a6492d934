"""File operations below a folder that never follow a symbolic link, whatever lies there."""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Generator, Iterable
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["SYMLINK", "Folder"]

SYMLINK = "120000"
_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES)
"""Reasons for which a file is as good as not there: the last one is a folder that may not be entered."""

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Folder:
    """A folder, held open; paths are relative, with forward slashes, and already validated."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def state(self, path: str) -> os.stat_result | None:
        """Return the entry's own status; None when it, or a real folder on its way, is missing or shut."""
        with ExitStack() as opened:
            parent = self._opened(path, opened)
            return _state(parent, path.rpartition("/")[2]) if parent is not None else None

    def states(self, paths: Iterable[str]) -> Generator[os.stat_result | None]:
        """Yield what `state` returns for each path; quick where those of one folder follow each other."""
        with ExitStack() as opened:
            folder, parent = None, None
            for path in paths:
                above, _, name = path.rpartition("/")
                if above != folder:
                    opened.close()
                    folder, parent = above, self._opened(path, opened)
                yield _state(parent, name) if parent is not None else None

    def _opened(self, path: str, opened: ExitStack) -> int | None:
        try:
            return opened.enter_context(self._parent(path))[0]
        except OSError as exc:
            if exc.errno in _ABSENT:
                return None
            raise

    def leaves(self, path: str) -> Generator[str]:
        """Yield what has nothing below it, at a path and below: files, links, and empty folders."""
        found = self.state(path)
        if found is None:
            return
        names = [each.name for each in (self.path / path).iterdir()] if stat.S_ISDIR(found.st_mode) else []
        if not names:
            yield path
        for name in names:
            yield from self.leaves(f"{path}/{name}")

    def read(self, path: str) -> tuple[str, bytes] | None:
        """Return (git mode, content) of a file or symbolic link; None when there is neither to be read."""
        try:
            return self._read(path)
        except OSError as exc:  # it may have vanished since it was listed
            if exc.errno in _ABSENT:
                return None
            raise

    def _read(self, path: str) -> tuple[str, bytes] | None:
        found = self.state(path)
        if found is None:
            return None
        with self._parent(path) as (parent, name):
            if stat.S_ISLNK(found.st_mode):
                return SYMLINK, os.fsencode(os.readlink(name, dir_fd=parent))
            if not stat.S_ISREG(found.st_mode):
                return None
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
            with os.fdopen(handle, "rb") as stream:
                return "100755" if found.st_mode & 0o100 else "100644", stream.read()

    def write(self, path: str, mode: str, content: bytes) -> os.stat_result:
        """Put a file or symbolic link in place by a rename; missing folders are made."""
        with self._parent(path, create=True) as (parent, name):
            temporary = f".moot-{secrets.token_hex(8)}"
            try:
                _create(parent, temporary, mode, content)
                os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
            except BaseException:
                with suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=parent)
                raise
            return os.stat(name, dir_fd=parent, follow_symlinks=False)

    def adopt(self, path: str, mode: str, staged: Path) -> None:
        """Move a file or symbolic link that lies ready into its place; missing folders are made."""
        with self._parent(path, create=True) as (parent, name):
            try:
                os.rename(staged, name, dst_dir_fd=parent)
            except OSError as exc:
                if exc.errno != errno.EXDEV:
                    raise
            else:
                return
        content = os.fsencode(staged.readlink()) if mode == SYMLINK else staged.read_bytes()
        self.write(path, mode, content)

    def remove(self, path: str) -> None:
        """Remove a file and the folders that it leaves empty."""
        with suppress(FileNotFoundError, NotADirectoryError), self._parent(path) as (parent, name):
            os.unlink(name, dir_fd=parent)
        self.prune(path)

    def prune(self, path: str) -> None:
        """Remove the folders on the way to a path that are empty."""
        above = path
        while "/" in above:
            above = above.rpartition("/")[0]
            try:
                with self._parent(above) as (parent, name):
                    os.rmdir(name, dir_fd=parent)
            except OSError:
                return

    def clear(self, path: str) -> None:
        """Remove whatever is there, with everything below it."""
        with suppress(FileNotFoundError), self._parent(path) as (parent, name):
            if stat.S_ISDIR(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
                _make_writable(parent, name)
                shutil.rmtree(name, dir_fd=parent)
            else:
                os.unlink(name, dir_fd=parent)

    def make_folder(self, path: str) -> None:
        """Make an empty folder, with those on its way."""
        with self._parent(f"{path}/-", create=True):
            pass

    @contextmanager
    def _parent(self, path: str, *, create: bool = False) -> Generator[tuple[int, str]]:
        """Open the folder that holds `path`, one real folder at a time."""
        *folders, name = path.split("/")
        handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for part in folders:
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(part, dir_fd=handle)
                below = os.open(part, _DIRECTORY, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle, name
        finally:
            os.close(handle)


def _state(parent: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in _ABSENT:
            return None
        raise


def _create(parent: int, name: str, mode: str, content: bytes) -> None:
    if mode == SYMLINK:
        os.symlink(os.fsdecode(content), name, dir_fd=parent)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(name, flags, 0o777 if mode == "100755" else 0o666, dir_fd=parent)
    with os.fdopen(handle, "wb") as stream:
        stream.write(content)


def _make_writable(parent: int, name: str) -> None:
    """Give the folders below `name` back the permissions that removing them needs."""
    handle = os.open(name, os.O_PATH | _DIRECTORY, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(0o700)
        with os.scandir(f"/proc/self/fd/{handle}") as entries:
            below = [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]
        for folder in below:
            _make_writable(handle, folder)
    finally:
        os.close(handle)
