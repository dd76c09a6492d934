"""Guesses the command that verifies a repository from the files that it has."""

import json
import re
from collections.abc import Callable, Sequence
from pathlib import PurePosixPath

__all__ = ["detect"]

Read = Callable[[str], bytes]

_PYTEST_FILES = ("pytest.ini", ".pytest.ini", "conftest.py", "tests/conftest.py", "test/conftest.py")
_PYTHON_SETTINGS = re.compile(
    r"(pyproject\.toml|setup\.cfg|setup\.py|tox\.ini|noxfile\.py|requirements[^/]*\.txt)"
)
_TEST_FILE = re.compile(r"(.*/)?(test_[^/]*|[^/]*_test)\.py")
_LOOKED_AT = 20
"""Test files that are read to tell unittest from pytest."""


def detect(root_files: Sequence[str], read: Read) -> str | None:
    """Return a shell command that runs the tests, to be started at the top of the repository.

    Args:
        root_files: paths of the repository's files, relative to its top.
        read: returns a file's bytes.

    Returns:
        The command, or None when nothing looks like tests.
    """
    files = frozenset(root_files)
    return (
        _python(files, read)
        or _node(files, read)
        or ("go test ./..." if "go.mod" in files else None)
        or ("cargo test" if "Cargo.toml" in files else None)
        or _make(files, read)
    )


def _python(files: frozenset[str], read: Read) -> str | None:
    tests = sorted(path for path in files if _TEST_FILE.fullmatch(path))
    settings = sorted(path for path in files if _PYTHON_SETTINGS.fullmatch(path))
    named = any(b"pytest" in read(path) for path in settings)
    folders = {"tests", "test"} & {PurePosixPath(path).parts[0] for path in files}
    if not tests and not (named and folders):
        return None
    if named or any(path in files for path in _PYTEST_FILES) or not tests:
        return "python3 -m pytest"
    sources = [read(path) for path in tests[:_LOOKED_AT]]
    if all(b"unittest" in source and b"pytest" not in source for source in sources):
        return _unittest(tests, files)
    return "python3 -m pytest"


def _unittest(tests: Sequence[str], files: frozenset[str]) -> str:
    tops = {path.partition("/")[0] if "/" in path else "." for path in tests}
    start = tops.pop() if len(tops) == 1 else "."
    pattern = (
        "test*.py" if any(PurePosixPath(path).name.startswith("test") for path in tests) else "*_test.py"
    )
    top = " -t ." if f"{start}/__init__.py" in files else ""
    return f"python3 -m unittest discover -s {start}{top} -p '{pattern}'"


def _node(files: frozenset[str], read: Read) -> str | None:
    if "package.json" not in files:
        return None
    try:
        scripts = json.loads(read("package.json"))["scripts"]
        script = str(scripts["test"])
    except (ValueError, KeyError, TypeError):
        return None
    return None if "no test specified" in script or not script.strip() else "npm test"


def _make(files: frozenset[str], read: Read) -> str | None:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if name in files and re.search(rb"^test\s*:(?!=)", read(name), re.MULTILINE):
            return "make test"
    return None
