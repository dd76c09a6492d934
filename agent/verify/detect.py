"""Finds how a repository tests itself, from its files alone; the best way first."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import PurePosixPath
from shlex import quote

from moot.agent.verify.ecosystems.documents import agents_tests, ci_tests, make_tests
from moot.agent.verify.ecosystems.found import Files, Found, framework_of
from moot.agent.verify.ecosystems.native import go_tests, rust_tests, tap_tests
from moot.agent.verify.ecosystems.node import node_tests
from moot.agent.verify.ecosystems.python import python_tests

__all__ = ["Found", "detect"]

_Find = Callable[[Files], Iterator[Found]]

_LANGUAGES: tuple[tuple[_Find, frozenset[str]], ...] = (
    (python_tests, frozenset((".py", ".pyx"))),
    (
        node_tests,
        frozenset((".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".mts", ".cts", ".vue", ".svelte")),
    ),
    (go_tests, frozenset((".go",))),
    (rust_tests, frozenset((".rs",))),
    (tap_tests, frozenset((".t", ".pl", ".pm", ".bats", ".sh"))),
)
_MANIFESTS = frozenset(("package.json", "pyproject.toml", "setup.py", "setup.cfg", "go.mod", "Cargo.toml"))
_NOT_OWN = re.compile(
    r"(?:^|/)(?:node_modules|vendor|third_party|examples?|fixtures?|testdata|templates?|docs?|\.[^/]+)/"
)
_PYTHON = re.compile(
    r"pyproject\.toml|setup\.(?:py|cfg)|(?:tox|\.?pytest)\.ini|\.?pytest\.toml|noxfile\.py|conftest\.py|Pipfile"
    r"|[^/]*require[^/]*(?:/[^/]+)?\.(?:txt|in)"
)
"""Files by which Python is set up at the top."""

_DEPTH = 3
"""Folders between the top and a manifest of a part."""


def detect(
    paths: Iterable[str], read: Callable[[str], bytes], suggestion: str | None = None, task: str = ""
) -> tuple[Found, ...]:
    """Return every way found to run the tests, the best first; empty when nothing looks like tests.

    In order: the suggestion; the configuration of each language at the top, the language of the files
    that the task names first, then that of most files; CI; AGENTS.md; make; parts in folders.

    Args:
        paths: the repository's files, from its top.
        read: returns a file's bytes.
        suggestion: a command from the repository's settings.
        task: what the user asked for.
    """
    files = Files(paths, read)
    found = [*_suggested(suggestion)]
    if any(_languages(_without_parts(files), task)):
        found += _languages(files, task)
    for document in (ci_tests, agents_tests, make_tests):
        found += document(files)
    if not found:
        found += _parts(files, task)
    first: dict[str, Found] = {}
    for each in found:
        first.setdefault(each.command, each)
    return tuple(first.values())


def _suggested(command: str | None) -> Iterator[Found]:
    if command and command.strip():
        reason = "the repository's settings suggest it"
        yield Found(command.strip(), framework_of(command), "test_suggestion", reason, suggested=True)


def _languages(files: Files, task: str) -> Iterator[Found]:
    own = [path for path in files.paths if not _NOT_OWN.search(path)]
    count = Counter(PurePosixPath(path).suffix for path in own)
    named = {PurePosixPath(word.strip(".,:;()`'\"")).suffix for word in task.split()}

    def rank(language: tuple[_Find, frozenset[str]]) -> tuple[bool, int]:
        return (not named & language[1], -sum(count[suffix] for suffix in language[1]))

    for find, _ in sorted(_LANGUAGES, key=rank):
        yield from find(files)


def _without_parts(files: Files) -> Files:
    """Return the files without Python's in parts, unless Python is set up at the top.

    Without that, tests which all lie in parts are theirs: they may need settings that lie there, too.
    """
    folders = _part_folders(files.paths)
    if not folders or any(map(_PYTHON.fullmatch, files.paths)):
        return files
    parts = frozenset(folders)
    return files.without(
        path
        for path in files.paths
        if path.endswith(".py") and (not parts.isdisjoint(_around(path)) or _NOT_OWN.search(path))
    )


def _parts(files: Files, task: str) -> Iterator[Found]:
    """Yield the tests of each part that has a manifest of its own, the largest part first."""
    folders = _part_folders(files.paths)
    for folder in sorted(folders, key=lambda each: (each not in task, -len(files.below(each).paths), each)):
        for each in _languages(files.below(folder), task):
            yield replace(
                each, command=f"cd {quote(folder)} && {each.command}", source=f"{folder}/{each.source}"
            )


def _part_folders(paths: Sequence[str]) -> list[str]:
    folders: dict[str, None] = {}
    for path in sorted(paths, key=lambda each: each.count("/")):
        folder, _, name = path.rpartition("/")
        if (
            folder
            and name in _MANIFESTS
            and path.count("/") <= _DEPTH
            and folders.keys().isdisjoint(_around(path))
            and not _NOT_OWN.search(path)
        ):
            folders[folder] = None
    return [*folders]


def _around(path: str) -> Iterator[str]:
    """Return the folders that a path is in, from the top on."""
    return accumulate(path.split("/")[:-1], "{}/{}".format)
