"""The private git directory, where all work happens with the user's objects as an alternate."""

import os
import shutil
import tempfile
from pathlib import Path

from filelock import FileLock

from moot.agent.core.errors import UsageError
from moot.agent.git.discover import Location
from moot.agent.git.plumbing import Git

__all__ = ["open_private", "write_atomically"]

_DEPTH = 5
"""git's own limit on alternates of alternates (`link_alt_odb_entries` in object-file.c)."""


def open_private(location: Location, data_dir: Path) -> Git:
    """Create the private git directory if need be, and bind to it.

    Args:
        location: the user's repository.
        data_dir: the product's data folder.

    Raises:
        UsageError: the folder cannot be written.
    """
    home = data_dir / "repos" / location.key
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(home / "lock"):
            git_dir = _create(home, location)
            _set_alternates(git_dir, location.common_dir / "objects")
            _set_shallow(git_dir, location.common_dir / "shallow")
    except OSError as exc:
        raise UsageError(
            f"cannot write in {home}: {exc.strerror}; set MOOT_DATA_DIR to another folder"
        ) from exc
    return Git(git_dir, git_dir)


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content so that a crash leaves the old or the new one, on disk."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _create(home: Path, location: Location) -> Path:
    """Make the directory beside its place and move it there, so that it is whole or absent.

    A repository may be made anew at its path in another object format.
    """
    final = home / ("git" if location.object_format == "sha1" else f"git-{location.object_format}")
    if final.exists():
        return final
    partial = home / "git.new"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(mode=0o700)
    object_format = f"--object-format={location.object_format}"
    Git(partial, home).run("init", "--quiet", "--bare", "--template=", object_format)
    partial.rename(final)
    return final


def _set_alternates(git_dir: Path, objects: Path) -> None:
    text = "".join(f"{store}\n" for store in _stores(objects, _DEPTH)).encode()
    file = git_dir / "objects" / "info" / "alternates"
    if not file.exists() or file.read_bytes() != text:
        write_atomically(file, text)


def _set_shallow(git_dir: Path, theirs: Path) -> None:
    """Let history end here where it ends in a shallow clone."""
    ours = git_dir / "shallow"
    text = theirs.read_bytes() if theirs.is_file() else b""
    if text and (not ours.exists() or ours.read_bytes() != text):
        write_atomically(ours, text)
    if not text:
        ours.unlink(missing_ok=True)


def _stores(objects: Path, depth: int) -> list[Path]:
    """Return an object store and, in absolute form, those that it borrows from."""
    found = [objects.resolve()]
    alternates = objects / "info" / "alternates"
    if depth and alternates.is_file():
        for line in alternates.read_text(encoding="utf-8", errors="surrogateescape").splitlines():
            if line and not line.startswith("#"):
                found += _stores(objects / line, depth - 1)
    return list(dict.fromkeys(found))
