from moot.agent.core.commands import TestCase
from moot.agent.repair.excerpt import excerpt
from moot.agent.repair.source import Source

MAKING = "".join(f"        x{number} = make({number})\n" for number in range(40))
TEXT = f"""\
import m


class TestSums:
    def test_long(self):
{MAKING}        assert m.total(x1) == 3
        assert m.total(x2) == 4

    def test_short(self):
        value = m.total([1, 2])
        assert value == 3
        other(value)
"""
SOURCE = Source.parse("tests/test_m.py", TEXT.encode())


def case(name: str, message: str) -> TestCase:
    return TestCase(f"tests/test_m.py::TestSums::{name}", "failed", message)


def line_of(text: str) -> int:
    return TEXT[: TEXT.index(text)].count("\n") + 1


def test_a_short_test_is_shown_whole():
    named = case("test_short[1-2]", f"E  assert\n\n{SOURCE.path}:{line_of('assert value')}: AssertionError")
    whole = """\
def test_short(self):
    value = m.total([1, 2])
    assert value == 3
    other(value)"""
    assert excerpt(named, SOURCE) == whole
    assert excerpt(case("test_short[1-2]", "no line"), SOURCE) == whole


def test_of_a_long_test_the_lines_above_the_one_that_fails_are_shown():
    named = case("test_long", f"{SOURCE.path}:{line_of('assert m.total(x1)')}: AssertionError")
    shown = excerpt(named, SOURCE)
    assert len(shown) <= 400
    assert shown.endswith("x39 = make(39)\nassert m.total(x1) == 3")


def test_a_test_without_a_name_of_its_own_is_shown_by_its_line():
    text = (
        "".join(f"const a{n} = {n};\n" for n in range(30))
        + "it('adds', () => {\n  expect(add(1)).toBe(2);\n});\n"
    )
    source = Source.parse("src/a.test.ts", text.encode())
    shown = excerpt(
        TestCase("src/a.test.ts > adds", "failed", "at src/a.test.ts:32:18", "src/a.test.ts"), source
    )
    assert shown.startswith("const a21")
    assert shown.endswith("expect(add(1)).toBe(2);\n});\n")


def test_nothing_is_shown_of_what_is_not_known():
    assert excerpt(case("test_gone", "tests/test_m.py:9999: AssertionError"), SOURCE) == ""
    assert excerpt(case("test_gone", ""), Source.parse("t.txt", b"1\n2\n")) == ""
