"""Which files the globs of the settings leave out: by gitignore's rules, without `!`; `*` crosses folders."""

import re
from collections.abc import Iterable, Iterator
from fnmatch import translate

__all__ = ["ignoring"]


def ignoring(globs: Iterable[str]) -> "re.Pattern[str] | None":
    """Return what matches the whole paths of files to leave out; None where no file is.

    A glob means files, and folders with all that lies below; one that ends with a slash means folders only.
    Without another slash it means names at any depth, with one a path from the top of the tree.
    """
    patterns = [translate(path) for glob in globs for path in _paths(glob)]
    return re.compile("|".join(patterns)) if patterns else None


def _paths(glob: str) -> Iterator[str]:
    """Yield globs over whole paths that mean the same."""
    anywhere = "/" not in glob.rstrip("/") or glob.removeprefix("/").startswith("**/")
    name = glob.strip("/").removeprefix("**/")
    for start in ("", "*/") if anywhere else ("",):
        for path in {f"{start}{name}", f"{start}{name.replace('/**/', '/')}"}:  # `**` is no folder, too
            yield f"{path}/*"
            if not glob.endswith("/"):
                yield path
