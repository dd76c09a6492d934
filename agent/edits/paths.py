"""Which paths may be written: inside the repository, outside of git's own files, and free of collisions."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from difflib import get_close_matches

from moot.agent.core.errors import EditRejected
from moot.agent.core.surrogates import has_surrogates

__all__ = ["check_collisions", "check_path", "nearest"]

_MAX_PART = 255
_MAX_PATH = 4096
"""Bytes that Linux takes in a name and in a path."""

_GIT_NAMES = frozenset({".git", "git~1", ".gitmodules", "gitmod~1"})
"""Git's own names, also as they are called in the short form of Windows."""

# macOS leaves these out of names: a `.git` with one of them inside is `.git` there (CVE-2014-9390).
_IGNORED = re.compile("[\u200b-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_DRIVE = re.compile(r"[A-Za-z]:[/\\]")


def check_path(path: str) -> str:
    """Return a path in its plain form.

    Raises:
        EditRejected: it leads outside of the repository, belongs to git, or is no path.
    """
    name = path.strip()
    parts = [part for part in name.split("/") if part != "."]
    if not name or name.startswith(("/", "~/")) or "\\" in name or ".." in parts or _DRIVE.match(name):
        raise EditRejected(
            f"{_shown(path)} is not a path inside the repository: "
            "write it from the repository's root, as in src/a.py"
        )
    if _CONTROL.search(name) or has_surrogates(name):
        raise EditRejected(
            f"{_shown(path)} is not a path inside the repository: it holds a control character"
        )
    if not parts or not parts[-1]:
        raise EditRejected(f"{_shown(path)} names a folder: name a file in it")
    parts = [part for part in parts if part]
    if any(_folded(part) in _GIT_NAMES for part in parts):
        raise EditRejected(f"{_shown(path)} belongs to git and may not be edited")
    clean = "/".join(parts)
    if len(clean.encode()) > _MAX_PATH or any(len(part.encode()) > _MAX_PART for part in parts):
        raise EditRejected(f"{_shown(path)} is too long for a path: {_MAX_PART} bytes a name at most")
    return clean


def check_collisions(new: Iterable[str], paths: Iterable[str]) -> None:
    """Refuse new paths that would be one with another path where case or Unicode form do not count.

    Args:
        new: paths that the edit adds.
        paths: every path of the result, the new ones among them.

    Raises:
        EditRejected: two paths cannot be beside each other.
    """
    added = set(new)
    if not added:
        return
    known: dict[str, str] = {}
    files = {path for path in paths if path not in added}
    for path in [*files, *sorted(added)]:
        for name in _with_folders(path):
            first = known.setdefault(_same(name), name)
            if first != name and path in added:
                raise EditRejected(f"{path} differs from the existing {first} only by case: use {first}")
    folders = {folder for path in (*files, *added) for folder in list(_with_folders(path))[1:]}
    for path in added:
        if path in folders:
            raise EditRejected(f"{path} collides with the existing folder {path}/")
        for folder in list(_with_folders(path))[1:]:
            if folder in files or folder in added:
                raise EditRejected(f"{path} collides with the existing {folder}, which is no folder")


def nearest(path: str, paths: Iterable[str]) -> str:
    """Return a hint at the real paths that resemble one that does not exist."""
    name = path.rsplit("/", 1)[-1]
    known = list(paths)
    same = [other for other in known if other.rsplit("/", 1)[-1] == name]
    close = same or get_close_matches(path, known[:20_000], n=3)
    return f"; did you mean {', '.join(close[:3])}?" if close else ""


def _with_folders(path: str) -> Iterator[str]:
    yield path
    while "/" in path:
        path = path.rsplit("/", 1)[0]
        yield path


def _folded(part: str) -> str:
    return _IGNORED.sub("", part).split(":")[0].rstrip(". ").lower()


def _same(path: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def _shown(path: str) -> str:
    return ascii(path[:200]) if _CONTROL.search(path) or not path.isprintable() else path[:200] or "''"
