"""Finds which checkers a repository uses, and which of them have to read an edit."""

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

from moot.agent.verify.ecosystems.found import Files
from moot.agent.verify.lint.checkers import CHECKERS, Checker

__all__ = ["Job", "plan"]

_MOST_DEPENDENTS = 100
"""Files beside the changed ones that a type checker is asked about."""

_SCRIPTS = re.compile(
    r"\.github/workflows/[^/]+\.ya?ml|\.gitlab-ci\.yml|\.circleci/config\.yml|\.pre-commit-config\.yaml"
    r"|(GNU)?[Mm]akefile|[Jj]ustfile|tox\.ini|noxfile\.py|package\.json"
)
"""Files at the top that say what contributors and CI run."""


@dataclass(frozen=True, slots=True)
class Job:
    """A checker's run: the folder where it starts, and the files to read, all from the repository's top."""

    checker: Checker
    home: str
    files: tuple[str, ...]


def plan(files: Files, changed: Collection[str], dependents: Collection[str]) -> list[Job]:
    """Return what has to run.

    A checker is used where its settings lie in a folder above a file, or CI, hooks or scripts at the top name
    it.

    Args:
        files: the base.
        changed: paths that an edit changes.
        dependents: paths of files that import them.
    """
    scripts = "\n".join(files.text(path) for path in files.paths if _SCRIPTS.fullmatch(path))
    jobs: list[Job] = []
    for checker in CHECKERS:
        mentioned = bool(checker.mention and re.search(checker.mention, scripts))
        homes: dict[str, list[str]] = {}
        for path in filter(checker.reads, changed):
            home = _home(checker, path, files, mentioned)
            if home is not None:
                homes.setdefault(home, []).append(path)
        for home, paths in homes.items():
            more = _within(home, checker, dependents) if checker.wide else []
            chosen = dict.fromkeys([*sorted(paths), *sorted(more)[:_MOST_DEPENDENTS]])
            jobs.append(Job(checker, home, tuple(chosen)))
    return jobs


def _within(home: str, checker: Checker, paths: Collection[str]) -> list[str]:
    return [path for path in paths if checker.reads(path) and PurePosixPath(path).is_relative_to(home)]


def _home(checker: Checker, path: str, files: Files, mentioned: bool) -> str | None:
    """Return the folder where a checker runs for a file; None when it is not used there."""
    configured = [folder for folder in _above(path) if _configures(checker, folder, files)]
    if not configured and not mentioned:
        return None
    if checker.root:
        roots = [folder for folder in _above(path) if f"{folder}/{checker.root}".lstrip("/") in files.known]
        return roots[-1] if roots else None
    return configured[0] if configured else ""


def _above(path: str) -> Iterator[str]:
    """Yield the folders that hold a file, from the nearest to the top, which is empty."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _configures(checker: Checker, folder: str, files: Files) -> bool:
    names = files.names(folder)
    return any(
        checker.settings_in(name, lambda name=name: files.text(f"{folder}/{name}".lstrip("/")))
        for name in names
    )
