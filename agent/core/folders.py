"""Removes what code under test made, however deep it lies and whatever it closed."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

__all__ = ["remove"]


def remove(folder: Path) -> None:
    """Remove a folder and all in it, or a link in its place; blocks. What cannot be removed is left.

    Its commands have to be dead.
    """
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.lexists(folder):  # a folder was closed to its owner, or is too deep for rmtree, which recurses
        if not folder.is_symlink():
            _unlock(folder)
        subprocess.run(("rm", "-rf", "--", folder), stderr=subprocess.DEVNULL, check=False)


def _unlock(top: Path) -> None:
    """Open all folders to their owner."""
    folders = [str(top)]
    while folders:
        folder = folders.pop()
        with suppress(OSError):
            os.chmod(folder, 0o700)  # noqa: PTH101 - no link: it was listed as a folder
            with os.scandir(folder) as entries:
                folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
