"""Test integrity: does an edit make the tests say less? Pure: old and new contents in, flags out.

No judgement of the model is involved, and none of the run either: only what changed, read with
tree-sitter. What the tests did when they ran is compared elsewhere.
"""

import re
from collections.abc import Callable, Collection, Iterator, Sequence

from moot.agent.core.testfiles import is_snapshot, is_test
from moot.agent.core.types import Patch
from moot.agent.core.verification import FileVersions, IntegrityFlag
from moot.agent.risk.doctests import changed_examples
from moot.agent.risk.runner_settings import settings_flags, special_cases
from moot.agent.risk.testcode import TestCode, read
from moot.agent.risk.weakening import Moved, added_marks, deleted_file, weakened

__all__ = ["FileVersions", "inspect", "versions"]

_COLLECTED = {
    ".py": re.compile(r"(^|/)(test[^/]*|[^/]*_tests?)\.py$"),
    ".go": re.compile(r"^(?!(.*/)?([_.]|testdata/)).*_test\.go$"),
    ".rs": re.compile(r"^(?!(.*/)?tests/)|(^|/)tests/([^/]+|[^/]+/main)\.rs$"),
}
"""The names by which runners find files of tests, of languages whose runners go by one."""

_LARGEST = 2_000_000
"""Bytes of a file beyond which it is not read as code."""


def is_collected(path: str) -> bool:
    """Tell whether a runner would look for tests in a file, as far as its name tells."""
    known = _COLLECTED.get(path[path.rfind(".") :])
    return known.search(path) is not None if known is not None else is_test(path)


def versions(patch: Patch, read_blob: Callable[[str], bytes]) -> list[FileVersions]:
    """Return the changed files of a patch with their old contents."""
    return [
        FileVersions(change.path, read_blob(change.base_blob) if change.base_blob else None, change.content)
        for change in patch.changes
    ]


def inspect(files: Sequence[FileVersions], test_paths: Collection[str] = ()) -> tuple[IntegrityFlag, ...]:
    """Return everything in a change that may make the tests say less, by path and line.

    Adding tests is never flagged; nor is a test that moved, or was renamed to another test, whole.

    Args:
        files: the changed files.
        test_paths: further files that are known to hold tests, from a run of them.
    """
    code = {file.path: (_read(file.path, file.old), _read(file.path, file.new)) for file in files}
    moved = _new_bodies(code, test_paths)
    flags: list[IntegrityFlag] = []
    product: list[FileVersions] = []
    for file in files:
        if file.old == file.new:
            continue
        old, new = code[file.path]
        flags += settings_flags(file.path, file.old, file.new)
        if is_test(file.path) or (file.path in test_paths and _only_tests(old)):
            flags += _test_file(file, old, new, moved)
            continue
        product.append(file)
        if file.new is not None:
            flags += _tests_within(file.path, old, new, moved)
        elif old is not None:
            flags += deleted_file(file.path, old, moved)
    flags += special_cases(product)
    flags += changed_examples(product)
    return tuple(sorted(dict.fromkeys(flags), key=lambda flag: (flag.path, flag.line)))


def _read(path: str, data: bytes | None) -> TestCode | None:
    return read(path, data) if data is not None and len(data) <= _LARGEST else None


def _only_tests(code: TestCode | None) -> bool:
    """Tell a file of tests from product code that a runner found tests in: doctests, or Rust's."""
    units = code.units.values() if code is not None else ()
    return all(unit.is_test or unit.assertions for unit in units if unit.name)


def _new_bodies(
    code: dict[str, tuple[TestCode | None, TestCode | None]], test_paths: Collection[str]
) -> Moved:
    """Return the bodies that are in a file's new form under a name that it did not have.

    A test that was where runners look for tests is one only in such a place, or in a file known to hold some.
    """
    named = any(old is not None and old.tests and is_collected(path) for path, (old, _) in code.items())
    places = {path for path in code if not named or is_collected(path) or path in test_paths}
    return frozenset(
        (unit.body, unit.is_test and path in places, unit.off)
        for path, (old, new) in code.items()
        for unit in (new.units.values() if new is not None else ())
        if unit.name and (old is None or unit.name not in old.units)
    )


def _test_file(
    file: FileVersions, old: TestCode | None, new: TestCode | None, moved: Moved
) -> Iterator[IntegrityFlag]:
    if is_snapshot(file.path):
        if file.old is not None:
            done = "changed" if file.new is not None else "removed"
            yield IntegrityFlag(file.path, 1, "snapshot", f"a recorded expectation is {done}")
        return
    if file.new is None:
        yield from deleted_file(file.path, old, moved) if old is not None else _data(file)
        return
    if new is None:
        yield from _data(file)
        return
    if old is not None:
        yield from weakened(file.path, old, new, moved, helpers=True)
    yield from added_marks(file.path, old, new)


def _data(file: FileVersions) -> Iterator[IntegrityFlag]:
    """A file that tests read, as far as its path tells."""
    if file.old is not None and not file.path.endswith((".md", ".rst")):
        done = "changed" if file.new is not None else "removed"
        yield IntegrityFlag(file.path, 1, "test-data", f"data that tests use are {done}")


def _tests_within(
    path: str, old: TestCode | None, new: TestCode | None, moved: Moved
) -> Iterator[IntegrityFlag]:
    """Look at tests that stand in product code, as Rust's do."""
    if old is None or new is None or not old.tests:
        return
    yield from weakened(path, old, new, moved, helpers=False)
    of_tests = (
        mark for mark in new.marks if mark.owner and any(mark.reaches(test.name) for test in old.tests)
    )
    yield from added_marks(path, old, TestCode(new.units, [*of_tests]))
