"""What the languages' own tools write, read back to lines."""

import asyncio
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moot.agent.core.commands import TestCase
from moot.agent.core.spectrum import Spectrum, TraceRequest
from moot.agent.verify.coverage.base import spectrum, with_options
from moot.agent.verify.coverage.go import profile_lines
from moot.agent.verify.coverage.measure import CoverageTracer
from moot.agent.verify.coverage.rust import lcov_lines
from moot.agent.verify.coverage.v8 import executed_lines
from moot.agent.verify.runner import TestRunner
from moot.sandbox.choose import choose
from tests.agent.verify.sandboxed import write

TEXT = "function f(x) {\n  if (x) {\n    g();\n  }\n\n  return '💶';\n}\n"


def at(part: str, text: str = TEXT) -> int:
    """Return a place in units of UTF-16."""
    return len(text[: text.index(part)].encode("utf-16-le")) // 2


def test_inner_ranges_of_v8_count_instead_of_outer_ones():
    whole, branch = (0, at("}\n", TEXT[-2:]) + len(TEXT), 3), (at("{\n    g"), at("\n\n"), 0)
    assert executed_lines(TEXT, [whole, branch]) == [1, 2, 6, 7]
    assert executed_lines(TEXT, [branch, whole]) == [1, 2, 6, 7]
    assert executed_lines(TEXT, []) == []


def test_characters_outside_of_the_first_plane_are_two_units():
    text = "/* 💶💶 */\na();\nb();\n"
    assert executed_lines(text, [(at("b()", text), at("b()", text) + 4, 1)]) == [3]


@given(st.text(), st.lists(st.tuples(st.integers(-40, 80), st.integers(-40, 80), st.integers(0, 2))))
def test_any_ranges_give_lines_of_the_text(text: str, ranges: list[tuple[int, int, int]]):
    lines = executed_lines(text, ranges)
    assert all(text.split("\n")[line - 1].strip() for line in lines)


def test_forged_places_of_v8_take_no_memory():
    assert executed_lines(TEXT, [(-(10**15), 10**15, 1)]) == [1, 2, 3, 4, 6, 7]
    assert executed_lines(TEXT, [(-(10**15), -(10**14), 1), (10**15, 10**16, 1)]) == []


def test_forged_numbers_are_passed_over():
    """Python reads no number of more than 4300 digits."""
    many = "9" * 5_000
    assert list(profile_lines(f"a.go:{many}.1,{many}.2 1 1\na.go:1.1,1.2 1 {many}\na.go:7.1,7.2 1 1\n")) == [
        ("a.go", 7)
    ]
    assert list(lcov_lines(f"SF:/w/a.rs\nDA:{many},1\nDA:1,{many}\nDA:2,1\n")) == [("/w/a.rs", 2)]


def test_a_profile_of_go():
    blocks = ("example.org/m/a.go:3.14,5.2 2 1", "example.org/m/a.go:7.1,7.9 1 0", "x.go:1.1,999999999.1 1 1")
    text = "\n".join(["mode: set", *blocks])
    assert list(profile_lines(text)) == [("example.org/m/a.go", line) for line in (3, 4, 5)]


def test_a_tracefile_of_lcov():
    text = "SF:/w/src/lib.rs\nFN:1,f\nDA:1,2\nDA:2,0\nDA:3,1,abc\nend_of_record\nSF:/w/b.rs\nDA:9,1\n"
    assert list(lcov_lines(text)) == [("/w/src/lib.rs", 1), ("/w/src/lib.rs", 3), ("/w/b.rs", 9)]


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("jest", "jest --x"),
        ("cd web && npx jest src", "cd web && npx jest src --x"),
        ("npm test", "npm test -- --x"),
        ("npm test -- -t a", "npm test -- -t a --x"),
        ("yarn test", "yarn test --x"),
        ("jest | tee log", None),
    ],
)
def test_options_go_to_the_last_call(command: str, expected: str | None):
    assert with_options(command, ["--x"]) == expected


def test_tests_that_executed_nothing_do_not_count():
    outcomes = {"suite": "failed", "suite > a": "failed", "b": "passed", "c": "skipped"}
    lines = {("a.js", 1): {"suite > a", "b", "c"}, ("a.js", 2): {"c"}}
    found = spectrum("t", outcomes, lines)
    assert (found.failed, found.passed) == ({"suite > a"}, {"b"})
    assert found.lines == {("a.js", 1): {"suite > a", "b"}}
    assert (
        spectrum("t", {"b": "passed"}, lines).reason == "no failing test was among those that were measured"
    )


JEST = """\
const { writeFileSync, mkdirSync } = require('fs');
const option = (name) => process.argv.find((word) => word.startsWith(name + '='))?.slice(name.length + 1);
const bad = process.argv.at(-1).includes('bad');
const map = { 0: { start: { line: 2 } }, 1: { start: { line: bad ? 3 : 4 } }, 2: { start: { line: 5 } } };
const file = { path: process.cwd() + '/src/a.js', statementMap: map, s: { 0: 1, 1: 2, 2: 0 } };
const folder = option('--coverageDirectory');
if (folder) {
  mkdirSync(folder, { recursive: true });
  writeFileSync(folder + '/coverage-final.json', JSON.stringify({ [file.path]: file }));
}
const test = { ancestorTitles: [], title: bad ? 'bad' : 'good', status: bad ? 'failed' : 'passed' };
const report = { testResults: [{ name: process.cwd() + '/a.test.js', assertionResults: [test] }] };
writeFileSync(option('--outputFile'), JSON.stringify(report));
process.exit(bad ? 1 : 0);
"""
"""Takes Jest's options and writes its reports."""


def trace(root: Path, command: str, *tests: str) -> Spectrum:
    cases = [TestCase(f"a.test.js > {test}", "failed", path="a.test.js") for test in tests]
    request = TraceRequest(command, root, tuple(cases[:1]), tuple(cases[1:]))
    return asyncio.run(CoverageTracer(TestRunner(choose("auto"), root, 60.0)).trace(request))


FORGING = """
import json, os
def test_bad():
    lines = {"a.py": {1: [0, -1, -9, 2]}}
    record = {"tool": "t", "tests": ["test_a.py::test_bad"], "outcomes": ["failed"], "lines": lines}
    json.dump(record, open(os.environ["MOOT_SPECTRUM"] + "/0.json", "w"))
    assert False
"""


def test_forged_numbers_of_tests_are_passed_over(tmp_path: Path):
    write(tmp_path, {"test_a.py": FORGING})
    request = TraceRequest("python3 -m pytest", tmp_path, (TestCase("test_a.py::test_bad", "failed"),))
    runner = TestRunner(choose("auto"), Path.cwd(), 60.0)
    found = asyncio.run(CoverageTracer(runner).trace(request))
    assert found.lines["a.py", 1] == {"test_a.py::test_bad"}, found.reason


def test_istanbuls_report_of_each_run(tmp_path: Path):
    write(tmp_path, {"jest.js": JEST, "src/a.js": "\n" * 9, "a.test.js": ""})
    link = {"package.json": json.dumps({"scripts": {"test": "node node_modules/jest/jest.js"}})}
    write(tmp_path, {**link, "node_modules/jest/jest.js": JEST})
    found = trace(tmp_path, "npm test", "bad", "good")
    assert (found.failed, found.passed) == ({"a.test.js > bad"}, {"a.test.js > good"}), found.reason
    both = found.failed | found.passed
    assert found.lines == {
        ("src/a.js", 2): both,
        ("src/a.js", 3): found.failed,
        ("src/a.js", 4): found.passed,
    }


def test_a_framework_that_writes_no_coverage(tmp_path: Path):
    write(tmp_path, {"node_modules/vitest/vitest.mjs": "process.exit(1);\n"})
    found = trace(tmp_path, "node node_modules/vitest/vitest.mjs run", "bad")
    assert not found.lines
    assert found.reason == "Vitest measures nothing here: @vitest/coverage-v8 is not installed"


@pytest.mark.parametrize("command", ["prove -r t", "sh run.sh", "a | b", "cargo nextest run"])
def test_other_commands_say_why_not(tmp_path: Path, command: str):
    found = trace(tmp_path, command, "bad")
    assert not found.lines
    assert "is measured" in found.reason
    assert list(tmp_path.iterdir()) == []
