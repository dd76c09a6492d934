"""Removes what commands made, however deep it lies and whatever they closed."""

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

__all__ = ["remove"]


def remove(folder: Path) -> None:
    """Remove a folder and all in it, once its commands are dead; blocks. What cannot be removed is left."""
    _remove_shallow(folder)
    if folder.exists():  # its folders were closed to their owner, or are too deep for Python, which recurses
        _unlock(folder)
        subprocess.run(("rm", "-rf", "--", folder), stderr=subprocess.DEVNULL, check=False)


def _remove_shallow(folder: Path) -> None:
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)


def _unlock(top: Path) -> None:
    """Open all folders to their owner."""
    folders = [str(top)]
    while folders:
        folder = folders.pop()
        with suppress(OSError):
            os.chmod(folder, 0o700)  # noqa: PTH101 - no link: it was listed as a folder
            with os.scandir(folder) as entries:
                folders += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
