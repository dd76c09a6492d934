"""Which values of an edit are those of the failing test."""

import pytest

from moot.agent.repair.fitted import borrowed
from moot.agent.repair.source import Source


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("a.py", "x = f(y)\n", 'x = f(y).replace("a quick on", "other")\n'),
        ("a.py", "x = f(y)\n", 'x = f(y) or b"a quick on"\n'),
        ("a.js", "x = f(y);\n", "x = f(y) || 'a quick on';\n"),
        ("a.ts", "const x = f(y);\n", "const x = f(y) || `a quick on`;\n"),
        ("a.go", "package a\nvar x = f(y)\n", 'package a\nvar x = f(y, "a quick on")\n'),
        ("a.rs", "fn f() { g(); }\n", 'fn f() { g("a quick on"); }\n'),
    ],
)
def test_a_string_of_the_test_is_found(path: str, old: str, new: str):
    sources = Source.parse(path, old.encode()), Source.parse(path, new.encode())
    assert borrowed(*sources, "assert label('a quick on') == 5", "label is wrong") == ["a quick on"]
    assert borrowed(*sources, "assert label('a quick on') == 5", "let it say a quick on") == []
    assert borrowed(*sources, "assert label('a quick one') == 5", "label is wrong") == []


@pytest.mark.parametrize(("value", "found"), [("14", ["14"]), ("1", []), ("4", []), ("'-'", [])])
def test_what_is_everywhere_or_not_in_the_test_is_no_sign(value: str, found: list[str]):
    old, new = Source.parse("a.py", b"x = 3\n"), Source.parse("a.py", f"x = 3 + {value}\n".encode())
    assert borrowed(old, new, "assert x('-') == 14 + 1", "x is wrong") == found
