"""Tests that show what is reported: their names, what is kept of answers, and what of those that fail."""

from dataclasses import replace

import pytest

from moot.agent.repair.reproduction import Sketch, frame_of, least, sketches, with_tests
from moot.agent.repair.source import Source
from moot.agent.repair.trace import Trace

PYTHON = b"from shop import f\n\n\ndef test_f():\n    assert f(1) == 1\n"
TRACE = Trace("KeyError", "'a'", (("shop.py", 1),), "f")


def made(path: str, tests: bytes, *answers: tuple[str, str]) -> tuple[Source, list[Sketch]]:
    source = Source.parse(path, tests)
    frame = frame_of(TRACE, source, {})
    assert frame is not None
    data, placed = with_tests(source, sketches(answers, frame, source))
    return Source.parse(path, data), placed


def bodies(path: str, tests: bytes, *answers: tuple[str, str]) -> list[str]:
    return [sketch.body for sketch in made(path, tests, *answers)[1]]


def test_an_answer_ends_with_the_body():
    more = "f(2)\n    f(3)\n\n\ndef test_g():\n    pass\n"
    assert bodies("test_shop.py", PYTHON, (more, "stop")) == ["f(2)\n    f(3)"]
    assert bodies("test_shop.py", PYTHON, ("f(2)\n    f(", "length")) == ["f(2)"]
    assert bodies("test_shop.py", PYTHON, ("f(2)\n    f(", "stop"), ("f(2)", "stop")) == ["f(2)"]
    assert bodies("test_shop.py", PYTHON, ("f(", "stop"), ("", "stop"), ("\n\n", "stop")) == []
    script = b'import { f } from "./f.js";\ntest("f", () => {\n  f(1);\n});\n'
    assert bodies("f.test.js", script, ("f(2);\n});\n\ntest(", "stop")) == ["f(2);"]


def test_several_tests_stand_at_the_end_of_the_file_under_names_of_their_own():
    source, placed = made("test_shop.py", PYTHON, ("f(2)", "stop"), ("f(3)", "stop"))
    assert source.data.startswith(PYTHON)
    assert source.defects == 0
    names = [name for name, _ in source.functions()]
    assert names == ["test_f", *(sketch.frame.name for sketch in placed)]
    assert len(set(names)) == 3
    assert [source.data[each.start_byte : each.end_byte].decode() for each in placed] == ["f(2)", "f(3)"]


def test_a_name_that_is_taken_is_not_used_again():
    tests = PYTHON + b"\n\ndef test_f_does_not_raise_key_error():\n    pass\n"
    _, [sketch] = made("test_shop.py", tests, ("f(2)", "stop"))
    assert sketch.frame.name == "test_f_does_not_raise_key_error_2"


def test_ends_of_lines_are_those_of_the_file():
    tests = PYTHON.replace(b"\n", b"\r\n")
    source, [sketch] = made("test_shop.py", tests, ("x = 2\n    f(x)", "stop"))
    assert source.data.startswith(tests)
    assert source.data.count(b"\n") == source.data.count(b"\r\n")
    last = source.data[: sketch.end_byte].count(b"\n") + 1
    assert least(source, sketch, last) == "x = 2\n    f(x)"


@pytest.mark.parametrize("end", ["\r", "\u2028", "\u2029", "\x0c"])
@pytest.mark.parametrize(("path", "mark"), [("test_shop.py", "#"), ("f.test.js", "//"), ("f_test.go", "//")])
def test_what_is_reported_stays_a_comment(path: str, mark: str, end: str):
    frame = frame_of(replace(TRACE, text=f"'a'{end}g()"), Source.parse(path, b""), {})
    assert frame is not None
    assert frame.head.splitlines()[-1].strip() == f"{mark} as reported: KeyError: 'a' g()"


def test_a_file_of_test_cases_gets_a_class():
    tests = (
        b"from unittest import TestCase\n\n\nclass TestF(TestCase):\n    def test_f(self):\n        pass\n"
    )
    source, _ = made("test_shop.py", tests, ("f(2)", "stop"), ("f(3)", "stop"))
    assert source.data.count(b"class ") == 2
    assert (
        b"class TestFDoesNotRaiseKeyError(TestCase):\n    def test_f_does_not_raise_key_error_1(self):"
        in source.data
    )


def test_tests_of_rust_do_not_stand_at_the_end():
    assert frame_of(TRACE, Source.parse("src/lib.rs", b"#[test]\nfn f() {}\n"), {}) is None


@pytest.mark.parametrize(
    ("answer", "line", "kept"),
    [
        ("f(2)", 0, "f(2)"),
        ("x = 2\n    y = f(x)\n    assert y == 3", 1, "x = 2\n    f(x)"),
        ("assert f(2) == 3", 0, "f(2)"),
        ("assert f(2).name == g(3)", 0, "f(2)"),
        ("self.assertEqual(f(2), 3)", 0, "f(2)"),
        ("result = f(\n        2,\n    )", 1, "f(\n        2,\n    )"),
        ("for x in (1, 2):\n        f(x)", 1, None),
        ("assert x", 0, None),
        ("f(2)", 1, None),
    ],
)
def test_what_leads_to_the_error_is_kept(answer: str, line: int, kept: str | None):
    source, [sketch] = made("test_shop.py", PYTHON, (answer, "stop"))
    first = source.data[: sketch.start_byte].count(b"\n") + 1
    assert least(source, sketch, first + line) == kept


@pytest.mark.parametrize(
    ("path", "answer", "kept"),
    [
        ("f.test.ts", "expect(f(2)).toBe(3);", "f(2);"),
        ("f.test.ts", "const got = await f(2);", "await f(2);"),
        ("f.test.js", "assert.deepEqual(new F(2), 3);", "new F(2);"),
        ("f_test.go", "got := f(2)", "f(2)"),
        ("f_test.go", "require.Equal(t, 3, f(2))", "f(2)"),
    ],
)
def test_what_leads_to_the_error_is_kept_in_other_languages(path: str, answer: str, kept: str):
    source, [sketch] = made(path, b"package f\n" if path.endswith(".go") else b"", (answer, "stop"))
    assert least(source, sketch, source.data[: sketch.start_byte].count(b"\n") + 1) == kept


def test_what_the_file_does_not_import_is_imported_where_it_is_used():
    """Of a method that is its class; names that the tests have are imported already."""
    code = b"class Shop:\n    def f(self):\n        pass\n\n\ndef g():\n    pass\n\n\ndef h():\n    pass\n"
    trace = Trace("KeyError", "", (("src/shop/at.py", 3), ("src/shop/at.py", 7), ("src/shop/at.py", 11)), "f")
    tests = Source.parse("tests/test_shop.py", b"from shop.at import h\n")
    frame = frame_of(trace, tests, {"src/shop/at.py": Source.parse("src/shop/at.py", code)})
    assert frame is not None
    assert [name for name, _ in frame.imports] == ["Shop", "g"]
    data, _ = with_tests(tests, sketches([("Shop().f()", "stop"), ("h()", "stop")], frame, tests))
    assert data.decode().count("    from shop.at import Shop\n    Shop().f()\n") == 1
    assert b"import g" not in data
