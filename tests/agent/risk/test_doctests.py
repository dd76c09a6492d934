"""Examples in docstrings, over all files of a change."""

import pytest

from moot.agent.risk.integrity import FileVersions, inspect

DOCUMENTED = b'''\
def shown(value, sign=""):
    """Return a value as text.

    >>> shown(1)
    '1'
    """
    if value is None:
        return "" + sign
    return str(value) + sign
'''


def test_code_with_doctests_is_no_file_of_tests():
    """A runner names the file, since it found the examples there; the code is not test data for that."""
    new = DOCUMENTED.replace(b'return "" + sign', b"return sign")
    assert inspect([FileVersions("pkg/a.py", DOCUMENTED, new)], ["pkg/a.py"]) == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [(b"    '1'\n", b"    '2'\n"), (b"    >>> shown(1)\n    '1'\n", b""), (b">>> shown(1)", b">>> 1")],
)
def test_a_doctest_that_changes_is_flagged(old, new):
    (flag,) = inspect([FileVersions("pkg/a.py", DOCUMENTED, DOCUMENTED.replace(old, new))])
    assert (flag.kind, flag.line) == ("expected", 4)
    assert "`shown(1)`" in flag.text


def test_a_doctest_that_goes_with_its_file_is_flagged():
    (flag,) = inspect([FileVersions("pkg/a.py", DOCUMENTED, None)])
    assert (flag.path, flag.line, flag.kind) == ("pkg/a.py", 4, "expected")


def test_a_doctest_that_is_added_or_moved_is_not():
    added = DOCUMENTED.replace(b"    >>> shown(1)\n", b"    >>> shown(2)\n    '2'\n    >>> shown(1)\n")
    assert inspect([FileVersions("pkg/a.py", DOCUMENTED, added)]) == ()
    assert inspect([FileVersions("pkg/a.py", DOCUMENTED, b"\n\n" + DOCUMENTED)]) == ()
    other = FileVersions("pkg/b.py", None, DOCUMENTED)
    for new in (None, b"from pkg.b import shown\n"):
        assert inspect([FileVersions("pkg/a.py", DOCUMENTED, new), other]) == ()


@pytest.mark.parametrize(
    "deep", ["(" * 100_000, "-" * 100_000 + "1", "not " * 50_000 + "x", "x" + ".a" * 100_000]
)
def test_code_too_deep_to_be_read_has_no_examples(deep):
    (flag,) = inspect([FileVersions("pkg/a.py", DOCUMENTED, DOCUMENTED + f"x = {deep}\n".encode())])
    assert flag.kind == "expected"
