"""What may reach git as an id, a ref or a path: everything else stops here."""

import re

from moot.agent.core.errors import UsageError

__all__ = ["check_id", "check_path", "check_run_id", "is_run_id"]

_ID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}(?:\.[A-Za-z0-9_-]{1,32}){0,4}")

# As `is_ntfs_dotgit` in git's path.c tells them: `update-index` passes over such a path without failing.
_PART = r"(?:^|[/\\])(?:{})[. ]*(?:[/\\:]|\Z)"
_GIT = re.compile(_PART.format(r"\.git|git~1"), re.I)
_GITMODULES = re.compile(_PART.format(r"\.gitmodules|gi\w*~\d+"), re.I)


def check_id(text: str) -> str:
    """Return `text` when it is a full object id in lower case.

    Raises:
        UsageError: it is anything else; abbreviations, names and options are not ids.
    """
    if not _ID.fullmatch(text):
        raise UsageError(f"{text!r} is not the full id of a git object")
    return text


def is_run_id(text: str) -> bool:
    """Tell whether a text can be the last part of a ref and the name of a folder."""
    return bool(_RUN_ID.fullmatch(text)) and not text.endswith(".lock")


def check_run_id(text: str) -> str:
    """Return `text` when it can be the id of a run.

    Raises:
        UsageError: it cannot.
    """
    if not is_run_id(text):
        raise UsageError(f"{text!r} cannot be a run id: use letters, digits, '-', '_' and single dots")
    return text


def check_path(path: str, *, link: bool = False) -> str:
    """Return `path` when it names a file below the repository's top and outside `.git`.

    Args:
        path: with forward slashes.
        link: whether it is of a symbolic link, which `.gitmodules` may not be.

    Raises:
        UsageError: it is absolute, leaves the tree, or enters a git directory.
    """
    whole = f"/{path}/"
    if not ("/." in whole or "//" in whole or "~" in whole or "\\" in whole or "\0" in whole):
        return path  # most paths, in little time
    parts = path.split("/")
    if link and _GITMODULES.search(path):
        raise UsageError(f"{path!r} may not be a symbolic link")
    if _GIT.search(path) or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise UsageError(f"{path!r} is not a path inside the repository")
    return path
